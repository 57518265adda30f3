"""Sentences, words, cleaning."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.language import Languages
from bot.text import _stem as stem_of_word
from bot.text import clean, figures, negations, numbers, split_sentences, stems, words


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("nb", "Hold ord [1]. Si fra i tide [1]. Og så", ["Hold ord [1].", "Si fra i tide [1]."]),
        ("de", "Fragen Sie z. B. nach. Dann warten Sie. Und", ["Fragen Sie z. B. nach.", "Dann warten Sie."]),
        ("en", "Mr. McFarlane agreed. He left. Then", ["Mr. McFarlane agreed.", "He left."]),
        ("ru", "«Я перезвоню». Это обещание! Да", ["«Я перезвоню».", "Это обещание!"]),
        ("sv", "Svara bums! [2] Annars oroar de sig. Och", ["Svara bums! [2]", "Annars oroar de sig."]),
        ("en", "It costs 6.5 times more. Keep them. X", ["It costs 6.5 times more.", "Keep them."]),
    ],
)
def test_complete_sentences_are_split_off(languages: Languages, code: str, text: str, expected: list[str]) -> None:
    found, _ = split_sentences(text, languages.table[code])
    assert found == expected


def test_a_sentence_is_complete_when_what_comes_after_it_is_known(languages: Languages) -> None:
    assert split_sentences("Svara bums! ", languages.table["sv"]) == ([], "Svara bums! ")
    assert split_sentences("Svara bums! [2] N", languages.table["sv"]) == (["Svara bums! [2]"], " N")
    assert split_sentences("Fråga t.ex. kl. 8 ", languages.table["sv"])[0] == []


def test_figures_have_what_changes_their_value() -> None:
    assert figures("-5, 6.5 to 30 times [1], 70 % of 1/2, 3–4.") == {"-5", "6.5", "30", "70%", "1/2", "3", "4"}


def test_a_sentence_that_may_go_on_stays_in_the_rest(languages: Languages) -> None:
    found, rest = split_sentences("Keep your word [1].", languages.table["en"])
    assert found == []
    assert rest == "Keep your word [1]."


@given(text=st.text(alphabet="aA .!?[1]«»\n", max_size=80), cut=st.integers(0, 80))
def test_splitting_loses_no_character(languages: Languages, text: str, cut: int) -> None:
    found, rest = split_sentences(text, languages.table["en"])
    assert "".join((" ".join(found) + rest).split()) == "".join(text.split())
    early, _ = split_sentences(text[:cut], languages.table["en"])
    assert found[: max(0, len(early) - 1)] == early[: max(0, len(early) - 1)]


def test_clean_removes_what_is_no_text() -> None:
    assert clean("a\x00b\u202ec\u200bd\ud800 \t e") == "abcd e"
    assert len(clean("e" + "\u0301" * 100_000)) < 5


@given(st.text(max_size=200))
def test_clean_is_idempotent_and_encodable(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode("utf-8")


def test_numbers_leave_markers_out() -> None:
    assert numbers("6 to 30 times [1], 70% [2]") == {"6", "30", "70"}


def test_negations_are_counted_in_their_language(languages: Languages) -> None:
    assert negations("Ikke lov noe du aldri holder.", languages.table["nb"]) == 2
    assert negations("You don't say no.", languages.table["en"]) == 2
    assert negations("Kommen Sie.", languages.table["de"]) == 0


def test_words_are_lower_case_without_markers() -> None:
    assert words("Hold ORD [12]!") == ["hold", "ord"]


def test_threads_at_once_get_the_stems_of_one_alone(languages: Languages) -> None:
    endings = ["".join(letters) for letters in itertools.product("aeinst", repeat=3)]
    asked = [(code, f"{word}{ending}") for word in ("vertrau", "versprech", "обещани") for ending in endings for code in ("de", "ru")]

    def all_stems(_: int) -> list[list[str]]:
        return [stems(word, languages.table[code]) for code, word in asked]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(all_stems, range(8)))
    stem_of_word.cache_clear()
    assert found == [all_stems(0)] * 8
