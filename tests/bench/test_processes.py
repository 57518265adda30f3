"""Asking over HTTP as the benchmark does, and what it says when a process dies."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bot.assemble import Parts
from bot.bench.processes import Child, Served
from bot.errors import BotError
from bot.web.app import create_app
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving


@pytest.fixture
def served(parts: Parts) -> Iterator[Served]:
    with serving(create_app(parts.coach(SayingModel(repeating, pause=0.01)))) as address:
        yield Served(address, os.getpid())


def test_times_are_in_the_order_in_which_a_reader_sees_them(served: Served) -> None:
    assert served.ready()
    told = served.ask("My team no longer trusts me after I broke a promise. What now?")
    assert told.worded is not None
    assert 0 < told.cards <= told.sentence < told.worded <= told.end
    assert told.answer["mode"] == "generated"
    assert told.answer["language"] == "en"


def test_memory_is_that_of_the_process(served: Served) -> None:
    memory = served.memory()
    assert 0.05 < memory.private <= memory.resident < 5


def test_nobody_there_is_not_ready() -> None:
    assert not Served("http://127.0.0.1:9", os.getpid()).ready()


def test_process_that_dies_is_told_with_its_code() -> None:
    child = Child("bot.bench.no_such_module")
    with pytest.raises(BotError, match="code 1"):
        list(child.lines())
