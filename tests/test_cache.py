"""Answers given again: which, to whom, and what is kept of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.assemble import Parts
from bot.cache import LONGEST, AnswerCache
from bot.coach import Coach
from bot.errors import ModelAwayError
from bot.events import Ask, Done, Event, Sentence, join, never
from bot.types import Answer, Question, Turn
from tests.fakes import SayingModel, repeating

ASKED = Question("A customer is waiting for an answer I don't have yet. What now?", id="1")


def coach_over(parts: Parts, model: SayingModel) -> Coach:
    return parts.coach(model)


def events(ask: Ask, question: Question) -> list[Event]:
    return list(ask(question, never))


def answer(ask: Ask, question: Question) -> Answer:
    last = events(ask, question)[-1]
    assert isinstance(last, Done)
    return last.answer


def test_same_question_gets_the_same_words_at_once_with_its_own_id(parts: Parts) -> None:
    model = SayingModel(repeating)
    ask = AnswerCache().remembering(coach_over(parts, model))
    first, again = events(ask, ASKED), events(ask, replace(ASKED, id="2"))
    assert len(model.prompts) == 1
    assert again[:-1] == first[:-1]
    known, told = first[-1], again[-1]
    assert isinstance(known, Done)
    assert isinstance(told, Done)
    assert told.answer.answer == known.answer.answer == join([event for event in again if isinstance(event, Sentence)])
    assert (told.answer.id, told.answer.question) == ("2", ASKED.text)
    assert "cached" in told.answer.notes
    assert told.answer.timings.completion_tokens == 0
    assert told.answer.citations == known.answer.citations


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, language="de"),
        replace(ASKED, interface="sv"),
        replace(ASKED, text=ASKED.text + " Please."),
        replace(ASKED, history=(Turn("Hello?", "…"),)),
    ],
    ids=["language", "page", "words", "conversation"],
)
def test_another_question_is_asked_anew(parts: Parts, other: Question) -> None:
    model = SayingModel(repeating)
    ask = AnswerCache().remembering(coach_over(parts, model))
    answer(ask, ASKED)
    assert "cached" not in answer(ask, other).notes
    assert len(model.prompts) == 2


def test_long_questions_and_conversations_are_not_remembered(parts: Parts) -> None:
    cache = AnswerCache()
    ask = cache.remembering(coach_over(parts, SayingModel(repeating)))
    answer(ask, replace(ASKED, text=ASKED.text + " I promised it to them last week." * (LONGEST // 30)))
    answer(ask, replace(ASKED, history=(Turn("Hello?", "…"),)))
    assert len(cache) == 0


def test_stopped_answer_is_not_remembered(parts: Parts) -> None:
    cache = AnswerCache()
    ask = cache.remembering(coach_over(parts, SayingModel(repeating)))
    *_, last = ask(ASKED, lambda: True)
    assert isinstance(last, Done)
    assert "stopped" in last.answer.notes
    assert len(cache) == 0


def test_answer_composed_because_the_model_was_away_is_not_remembered(parts: Parts) -> None:
    cache = AnswerCache()
    ask = cache.remembering(coach_over(parts, SayingModel(repeating, fails=ModelAwayError("gone"))))
    assert "model_away" in answer(ask, ASKED).notes
    assert len(cache) == 0


def test_answer_whose_reader_went_away_is_not_remembered(parts: Parts) -> None:
    cache = AnswerCache()
    stream = cache.remembering(coach_over(parts, SayingModel(repeating)))(ASKED, never)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert len(cache) == 0


def test_without_a_model_nothing_is_remembered(parts: Parts) -> None:
    cache = AnswerCache()
    answer(cache.remembering(parts.coach(None)), ASKED)
    assert len(cache) == 0


def test_it_is_bounded_and_forgets_after_a_while(parts: Parts) -> None:
    now = [0.0]
    model = SayingModel(repeating)
    cache = AnswerCache(size=2, seconds=60, clock=lambda: now[0])
    ask = cache.remembering(coach_over(parts, model))
    for code in ("en", "de", "sv"):
        answer(ask, replace(ASKED, language=code))
    assert len(cache) == 2
    assert "cached" in answer(ask, replace(ASKED, language="sv")).notes
    now[0] = 61
    assert "cached" not in answer(ask, replace(ASKED, language="sv")).notes
    assert len(model.prompts) == 4


def test_no_word_of_the_question_is_kept(parts: Parts) -> None:
    cache = AnswerCache()
    ask = cache.remembering(coach_over(parts, SayingModel(lambda prompt: f"{repeating(prompt)} Kanarifugl sings.")))
    told = answer(ask, replace(ASKED, text=f"Kanarifugl: {ASKED.text}"))
    assert len(cache) == 1
    assert "Kanarifugl" in told.question
    assert "kanarifugl" not in repr(vars(cache)).lower()
