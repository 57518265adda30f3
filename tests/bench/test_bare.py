"""The bare library as the benchmark drives it, and the questions it asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from bot.assemble import Parts
from bot.bench.asked import Questions
from bot.bench.measure import context_last
from bot.bench.processes import Child
from bot.config import ROOT
from bot.llm.protocol import Message, Prompt
from bot.llm.tuning import Tuning
from bot.types import Route
from tests.llm.models import model_file


@pytest.fixture(scope="module")
def bare() -> Iterator[Child]:
    child = Child("bot.bench.bare")
    child.call("load", model=str(model_file()), context=1024, tuning=asdict(Tuning(len(os.sched_getaffinity(0)))))
    yield child
    child.close()


@pytest.mark.model
def test_bare_loop_and_prompt_take_time_that_grows_with_their_tokens(bare: Child) -> None:
    bare.call("decode", depth=100, tokens=2)
    assert bare.call("prefill", depth=100, tokens=200)["ms"] > 2 * bare.call("prefill", depth=100, tokens=20)["ms"]
    assert bare.call("decode", depth=100, tokens=20)["ms"] > 2 * bare.call("decode", depth=100, tokens=2)["ms"]


@pytest.mark.model
def test_bare_chat_says_something_and_its_first_word_comes_before_its_last(bare: Child) -> None:
    said = bare.call("chat", messages=[{"role": "user", "content": "Count from one to five in words."}], max_tokens=30)
    assert "two" in said["text"].lower()
    assert 0 < said["first_ms"] < said["end_ms"]


def test_memory_bandwidth_is_measured() -> None:
    child = Child("bot.bench.bare")
    try:
        assert 0.5 < child.call("bandwidth", threads=1)["gb_s"] < 500
    finally:
        child.close()


def test_every_language_has_coaching_questions(parts: Parts) -> None:
    coach = parts.coach(None)
    questions = Questions.load(parts, coach)
    assert set(questions.first) == set(parts.languages.codes)
    assert all(len(own) >= 3 for own in questions.first.values())
    taken = questions.taken(2)
    assert len(taken) == 2 * len(parts.languages.codes)
    assert coach.retrieve_only(taken[-1]).route is Route.COACH
    assert all(question.history for question in questions.follow_ups)


def test_context_stands_in_the_last_message_with_its_sources() -> None:
    prompt = Prompt((Message("user", "…"),), expected=("Keep it [1].", "Say it [2]."))
    text = context_last(ROOT / "prompts" / "context_last.txt", "What now?", prompt)
    assert '<source id="2">Say it [2].</source>' in text
    assert text.rstrip().endswith("What now?")
