"""Passages and sentences: nothing is lost, offsets are exact, and how a text arrives does not change its sentences."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.knowledge.splitting import MAX_WORDS, MIN_WORDS, split
from bot.language import Languages
from bot.text import split_sentences
from tests.properties.texts import ANY_TEXT, examples

LONG = st.lists(
    st.one_of(
        ANY_TEXT, st.sampled_from(["## Head\n", "\n3. Point\n", "\n\n", "word " * 50, "Hold ord. " * 20, "слово " * 200, "x\u00a0y " * 30])
    ),
    max_size=25,
).map("".join)
SPOKEN = st.lists(
    st.one_of(
        st.sampled_from(
            ["Hold ord", "z. B.", "f.eks.", "Ja", "nei", "6.", "5", ".", "!", "…", "”", "»", ")", " ", "  ", "\n", " [1]", "[2]"]
        ),
        ANY_TEXT,
    ),
    max_size=14,
).map("".join)
CODES = st.sampled_from(["nb", "sv", "de", "ru", "en"])


@examples(150)
@given(LONG)
def test_passages_are_exact_slices_that_hold_every_word(text: str) -> None:
    passages = split(text)
    covered = [text[start:end] for start, end, _ in passages]
    assert [word for passage in covered for word in passage.split()] == text.split()
    assert all(passage and passage == passage.strip() for passage in covered)
    assert all(0 <= before[1] <= after[0] for before, after in pairwise(passages))
    assert all(len(passage.split()) >= MIN_WORDS for passage in covered) or len(covered) == 1
    assert all(len(passage.split()) <= MAX_WORDS + 2 * MIN_WORDS for passage in covered)


@examples(300)
@given(text=SPOKEN, code=CODES)
def test_sentences_and_rest_are_the_whole_text(languages: Languages, text: str, code: str) -> None:
    sentences, rest = split_sentences(text, languages.table[code])
    assert "".join("".join([*sentences, rest]).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in sentences)


@examples(500)
@given(text=SPOKEN, code=CODES, cuts=st.sets(st.integers(1, 80)))
def test_a_text_that_arrives_in_pieces_has_the_sentences_of_the_whole(languages: Languages, text: str, code: str, cuts: set[int]) -> None:
    language = languages.table[code]
    whole, ending = split_sentences(text, language)
    arrived: list[str] = []
    rest = ""
    for start, end in pairwise([0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]):
        found, rest = split_sentences(rest + text[start:end], language)
        arrived += found
    assert (arrived, rest.strip()) == (whole, ending.strip())
