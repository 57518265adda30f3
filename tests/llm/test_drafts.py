"""Guessing ahead: the place in the expected sentences, and finding it again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.llm.drafts import AFTER_A_MISS, Drafts

FIRST, SECOND, THIRD = [1, 2, 3, 4], [5, 6, 7], [8, 9, 10]
TEXT = [*FIRST, *SECOND, *THIRD]


def test_completion_that_says_the_sentences_in_order_is_guessed_from_its_first_token_to_its_last() -> None:
    drafts = Drafts([FIRST, SECOND, THIRD])
    drafts.take([1])
    assert drafts.guess(100) == TEXT[1:]
    drafts.take(TEXT[1:])
    assert drafts.guess(100) == []


def test_guess_is_no_longer_than_asked_for() -> None:
    drafts = Drafts([FIRST, SECOND])
    drafts.take([1])
    assert drafts.guess(2) == [2, 3]
    assert drafts.guess(0) == []


def test_sentence_left_out_is_passed_over() -> None:
    drafts = Drafts([FIRST, SECOND, THIRD])
    drafts.take([*FIRST, 8])
    assert drafts.guess(100) == [9, 10]


def test_sentences_in_another_order_are_found() -> None:
    drafts = Drafts([FIRST, SECOND, THIRD])
    drafts.take(THIRD)
    assert drafts.guess(100) == []
    drafts.take([1])
    assert drafts.guess(100) == [2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_other_words_are_not_guessed_and_the_place_is_found_again_by_two_tokens() -> None:
    drafts = Drafts([FIRST, SECOND, THIRD])
    drafts.take([1, 99])
    assert drafts.guess(100) == []
    drafts.take([98, 6])
    assert drafts.guess(100) == []
    drafts.take([7])
    assert drafts.guess(100) == THIRD


def test_after_a_wrong_guess_the_next_one_is_short() -> None:
    long = list(range(100))
    drafts = Drafts([long])
    drafts.take([0])
    assert len(drafts.guess(50)) == 50
    drafts.take([1, 500, 20, 21])
    assert drafts.guess(50) == long[22 : 22 + AFTER_A_MISS]
    drafts.take(long[22:40])
    assert len(drafts.guess(50)) == 50


def test_nothing_expected_guesses_nothing() -> None:
    drafts = Drafts([])
    drafts.take([1, 2, 3])
    assert drafts.guess(10) == []


@given(st.lists(st.lists(st.integers(0, 5), max_size=6), max_size=4), st.lists(st.integers(0, 5), max_size=30), st.integers(0, 9))
def test_whatever_is_said_a_guess_is_a_piece_of_the_expected_text(sentences: list[list[int]], said: list[int], longest: int) -> None:
    drafts = Drafts(sentences)
    text = [token for sentence in sentences for token in sentence]
    for token in said:
        drafts.take([token])
        guess = drafts.guess(longest)
        assert len(guess) <= longest
        assert any(text[at : at + len(guess)] == guess for at in range(len(text) + 1))
