"""The main job with the real model, end to end: ten questions that are no phrasing of a card, two in each language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.assemble import Parts, wait_until_ready
from bot.coach import Coach
from bot.evaluate.metrics import Judged, judge
from bot.evaluate.sets import load_items
from bot.types import Mode
from tests.llm.models import model_file

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def worded(parts: Parts) -> Iterator[Coach]:
    real = Parts(parts.settings.model_copy(update={"model": str(model_file())}))
    real.__dict__["index"] = parts.index
    generator = real.generator()
    wait_until_ready(generator, 180)
    yield real.coach(generator)
    generator.close()


@pytest.fixture(scope="module")
def judged(worded: Coach, data: Path) -> list[Judged]:
    languages = worded.languages
    return [
        judge(item, worded.answer(item.question), worded.knowledge.articles, languages.line_language)
        for item in load_items("ten", data / "eval")
    ]


def test_every_answer_is_in_the_questions_language(judged: list[Judged]) -> None:
    assert [one.answer.language for one in judged] == [one.item.lang for one in judged]
    assert all(one.lines_right == one.lines for one in judged)


def test_a_right_or_acceptable_tip_is_among_the_first_three(judged: list[Judged]) -> None:
    assert sum((one.fair_rank or 99) <= 3 for one in judged) >= 9


def test_every_quote_is_the_articles_text_at_its_offsets(judged: list[Judged]) -> None:
    assert all(one.answer.citations and one.quotes_right == len(one.answer.citations) for one in judged)


def test_most_answers_are_worded_by_the_model(judged: list[Judged]) -> None:
    assert sum(one.answer.mode is Mode.GENERATED for one in judged) >= 7
    assert all(one.answer.timings.completion_tokens for one in judged if one.answer.mode is Mode.GENERATED)
