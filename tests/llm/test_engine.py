"""Decoding with the real model: what is kept and what is guessed saves time and changes no word.

Asked where the model is sure of its words. In free Russian prose nearly tied tokens (0.02 and 0.18 apart) did flip, because a batch is
rounded otherwise than single tokens.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache

import pytest

from bot.config import ROOT
from bot.llm.protocol import Prompt
from bot.prompt import Advice, Prompts
from bot.tokens import estimate
from tests.llm.models import model_file

engine_module = pytest.importorskip("bot.llm.engine")
pytestmark = pytest.mark.model

ASKED = {
    "en": ("My team no longer believes me.", "That hurts.", ["Tell the truth even when it is hard.", "Say it yourself, openly."]),
    "de": ("Mein Kunde vertraut mir nicht.", "Das tut weh.", ["Liefern Sie pünktlich.", "Bieten Sie nie weniger als gewohnt."]),
    "nb": ("Teamet tror ikke på meg lenger.", "Det er vondt å merke.", ["Si sannheten også når det er vanskelig.", "Si det selv, åpent."]),
}


def prompt(language: str) -> Prompt:
    question, opening, steps = ASKED[language]
    advice = [Advice(n, step) for n, step in enumerate(steps, 1)]
    return Prompts.load(ROOT / "prompts", tuple(ASKED)).answer(language, question, [], opening, advice, estimate, 300)


@cache
def engine(draft: int) -> engine_module.Engine:  # type: ignore[name-defined]
    return engine_module.Engine(model_file(), context=2048, threads=len(os.sched_getaffinity(0)), draft=draft)


def completion(draft: int, asked: Prompt, *, keep: bool) -> tuple[str, engine_module.Counts]:  # type: ignore[name-defined]
    messages = [asdict(message) for message in asked.messages]
    *texts, counts = engine(draft).complete(messages, asked.static if keep else 0, asked.prefill, 120, lambda: False, lambda: None)
    return "".join(texts), counts


@pytest.fixture(scope="module", autouse=True)
def _free() -> Iterator[None]:
    yield
    engine.cache_clear()


@pytest.mark.parametrize("language", ASKED)
def test_drafts_and_kept_states_do_not_change_the_words(language: str) -> None:
    asked = prompt(language)
    plain, none_kept = completion(0, asked, keep=False)
    drafted, counts = completion(engine_module.DRAFT, asked, keep=False)
    completion(engine_module.DRAFT, asked, keep=True)
    kept, reused = completion(engine_module.DRAFT, asked, keep=True)
    assert plain
    assert (none_kept.drafted, none_kept.reused) == (0, 0)
    assert drafted == plain, "also not beyond the end of the turn, which the prompt's own lines hold"
    assert kept == plain
    assert counts.drafted > 0
    assert reused.reused > 50
    assert reused.prompt == none_kept.prompt
