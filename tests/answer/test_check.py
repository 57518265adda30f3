"""The check: what passes, with which number, and what is dropped for which reason."""

from __future__ import annotations

import pytest

from bot.answer.check import Passed, SentenceCheck
from bot.coach import Coach
from bot.prompt import Advice
from bot.types import Dropped

ADVICE = [
    Advice(1, "Keep what you promise: nothing destroys trust faster than a broken promise."),
    Advice(1, "Don't come back with 'I forgot' or 'I was busy'."),
    Advice(2, "Keep the customers you have: winning a new one costs 6 to 30 times more."),
    Advice(2, "Practise open questions, the kind that can't be answered with yes or no."),
]


@pytest.fixture
def check(coach: Coach) -> SentenceCheck:
    return SentenceCheck(coach.languages, "en", coach.support("en"), ADVICE, ["It is easy to say yes in a busy week."])


def test_a_vetted_sentence_passes_with_its_number(check: SentenceCheck) -> None:
    verdict = check.check("Keep what you promise: nothing destroys trust faster than a broken promise [1].")
    assert isinstance(verdict, Passed)
    assert verdict.text.endswith("promise [1].")


@pytest.mark.parametrize("wrong", ["[2]", "[7]", "", "[1][2]"])
def test_the_right_number_is_set_whatever_the_model_wrote(check: SentenceCheck, wrong: str) -> None:
    verdict = check.check(f"Then keep what you promise: nothing destroys trust faster than a broken promise {wrong}.")
    assert isinstance(verdict, Passed)
    assert verdict.n == 1
    assert verdict.text.count("[") == 1


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Winning a new customer costs 6 to 50 times more.", "number"),
        ("Don't keep what you promise: nothing destroys trust faster than a broken promise.", "negation"),
        ("Practise open questions, the kind that can be answered with yes or no.", "negation"),
        ("Keep what you promise, as Professor Blomqvist says: nothing destroys trust faster.", "name"),
        ("Hold a weekly meeting and give every promise a number in your calendar.", "support"),
        ("Keep what you promise always and offer a bonus when you break a promise.", "support"),
        ("It is what you promise.", "negation"),
        ("Therefore keep what you promise: nothing destroys trust faster than a broken promise.", "support"),
        ("It is easy to say yes in a busy week.", "repetition"),
        ("Keep what you promise <b>now</b>.", "markup"),
        ("Keep what you promise, see https://example.org.", "markup"),
        ("[Keep](what) you promise.", "markup"),
        ("Keep the customers you have: winning a new one costs 6.30 times more.", "number"),
        ("Keep the customers you have: winning a new one costs 6 to 30% times more.", "number"),
        ("Keep the customers you have: winning a new one costs 6 to -30 times more.", "number"),
        ("Keep the customers you have: winning a new one costs 6 to 30€ times more.", "markup"),
        ("Keep what you promise: nothing destroys trust faster than a broken promise [[1]7].", "markup"),
        ("Keep what you \u202epromise: nothing destroys trust faster than a broken promise.", "markup"),
        ("Keep what you promise\u0338: nothing destroys trust faster than a broken promise.", "markup"),
        ("Keep what you promise: nothing destroys trust faster than a broken promise 🙂.", "markup"),
        ("…", "empty"),
    ],
)
def test_what_the_sources_do_not_hold_is_dropped(check: SentenceCheck, sentence: str, reason: str) -> None:
    verdict = check.check(sentence)
    assert isinstance(verdict, Dropped)
    assert verdict.reason == reason


def test_a_sentence_that_passes_stands_on_one_line(check: SentenceCheck) -> None:
    verdict = check.check("Keep what you promise:\n- nothing destroys trust\n\n faster than a broken promise.")
    assert isinstance(verdict, Passed)
    assert "\n" not in verdict.text


def test_the_same_advice_twice_is_a_repetition(check: SentenceCheck) -> None:
    assert isinstance(check.check("Don't come back with 'I forgot' or 'I was busy' [1]."), Passed)
    second = check.check("Also don't come back with 'I was busy' or 'I forgot' [1].")
    assert isinstance(second, Dropped)
    assert second.reason == "repetition"


def test_a_sentence_of_another_language_is_dropped(coach: Coach) -> None:
    advice = [Advice(1, "Behalten Sie die Kunden, die Sie haben.")]
    check = SentenceCheck(coach.languages, "en", coach.support("en"), advice, [])
    assert isinstance(check.check("Then Kunden Sie behalten die haben die Sie."), Dropped)


def test_unused_advice_is_what_the_composed_answer_adds(check: SentenceCheck) -> None:
    check.check("Don't come back with 'I forgot' or 'I was busy' [1].")
    assert [piece.text for piece in check.unused] == [ADVICE[0].text, ADVICE[2].text, ADVICE[3].text]
