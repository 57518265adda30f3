"""The measurements over HTTP, with a model that takes its time: what a reader waits for, and several at once."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bot.assemble import Parts
from bot.bench import measure
from bot.bench.asked import Questions
from bot.bench.processes import Served
from bot.types import Question
from bot.web.app import create_app
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving

ASKED = [Question("My team no longer trusts me after I broke a promise. What now?"), Question("Wie halte ich meine Versprechen?")]
QUESTIONS = Questions({"en": ASKED[:1], "de": ASKED[1:]}, ())


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    uncached = Parts(parts.settings.model_copy(update={"answer_cache": False}))
    uncached.__dict__["index"] = parts.index
    with serving(create_app(uncached.coach(SayingModel(repeating, pause=0.01)))) as address:
        yield Served(address, os.getpid())


def test_each_language_has_its_figures(served: Served) -> None:
    ticks: list[str] = []
    figures = {figure.name: figure for figure in measure.languages(served, QUESTIONS, 1, ticks.append)}
    assert ticks == ["answers in en", "answers in de"]
    for code in QUESTIONS.first:
        assert 0 < figures[f"{code}: first card"].value / 1000 <= figures[f"{code}: first sentence of the model"].value
        assert figures[f"{code}: first sentence of the model"].value <= figures[f"{code}: whole answer"].value


def test_several_users_are_set_beside_one_and_beside_a_perfect_queue(served: Served) -> None:
    figures, queue = measure.users(served, ASKED * 2, 1, lambda _: None)
    assert set(queue) == set(measure.USERS)
    named = {figure.name: figure.value for figure in figures}
    assert named["answers that did not get the model's words"] == 0
    assert named["4 users: throughput ÷ one user's"] > 0.5  # on a machine that is starved it says little
    assert served.turns == len(measure.USERS) * 4


def test_memory_is_compared_over_the_turns_that_are_still_to_come(served: Served) -> None:
    served.ask(ASKED[0].text)
    memory, grown = measure.growth(served, QUESTIONS, (served.turns, served.memory()), 5, lambda _: None)
    assert served.turns == 5
    assert grown.name == "growth of their own memory, turn 1 to 5"
    assert memory.met
