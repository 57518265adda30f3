"""Decoding with the real model: what is kept and what is guessed saves time and chooses no other word.

llama.cpp rounds a batch otherwise than single tokens (logits differ by up to 0.8), so where two tokens are nearly tied the words do
differ: of these four prompts the English and the German answers are the same, the Norwegian and the Russian ones are not. What is
tested is that the first token that differs is such a tie, and never the end of the turn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import pytest

from bot.config import ROOT
from bot.llm.protocol import Prompt
from bot.llm.tuning import Tuning
from bot.prompt import Advice, Prompts
from bot.tokens import estimate
from tests.llm.models import model_file

engine_module = pytest.importorskip("bot.llm.engine")
llama_module = pytest.importorskip("bot.llm.llama")
llama_cpp = pytest.importorskip("llama_cpp")
pytestmark = pytest.mark.model

TIE = 1.0
"""Logits closer than this may change places with the rounding; sure words are 5 and more ahead."""
SAME = {"en", "de"}
"""Languages whose answer below is the same to the letter."""
ASKED = {
    "en": ("My team no longer believes me.", "That hurts.", ["Tell the truth even when it is hard.", "Say it yourself, openly."]),
    "de": ("Mein Kunde vertraut mir nicht.", "Das tut weh.", ["Liefern Sie pünktlich.", "Bieten Sie nie weniger als gewohnt."]),
    "nb": ("Teamet tror ikke på meg lenger.", "Det er vondt å merke.", ["Si sannheten også når det er vanskelig.", "Si det selv, åpent."]),
    "ru": ("Клиенты уходят.", "Понимаю вашу тревогу.", ["Покажите клиентам, что они вам важны.", "Делайте общение простым и приятным."]),
}


def prompt(language: str) -> Prompt:
    question, opening, steps = ASKED[language]
    advice = [Advice(n, step) for n, step in enumerate(steps, 1)]
    prompts = Prompts.load(ROOT / "prompts", ROOT / "data" / "languages", tuple(ASKED))
    return prompts.answer(language, question, [], opening, advice, estimate, 300)


@cache
def engine(draft: int) -> Any:
    return engine_module.Engine(model_file(), context=1024, tuning=Tuning(len(os.sched_getaffinity(0))), draft=draft)


@pytest.fixture(scope="module", autouse=True)
def _free() -> Iterator[None]:
    yield
    engine.cache_clear()


def completion(draft: int, asked: Prompt, *, keep: bool) -> tuple[str, Any]:
    messages = [asdict(message) for message in asked.messages]
    work = engine_module.Work(messages, asked.static if keep else 0, asked.prefill, asked.expected, 60)
    *texts, counts = engine(draft).complete(work, lambda: False, lambda: None)
    return "".join(texts), counts


def lead(asked: Prompt, text: str, other: str) -> float:
    """How far the model, decoding one token after the other, prefers `text`'s first differing token to `other`'s."""
    llama = engine(0).llama
    beginning = llama.template([asdict(message) for message in asked.messages], answer=True) + asked.prefill
    tokens, rival = ([*llama.tokenize(beginning + said), llama_cpp.llama_vocab_eos(llama._vocab)] for said in (text, other))
    at = next(n for n, (one, two) in enumerate(zip(tokens, rival, strict=False)) if one != two)
    known = len(llama.tokenize(beginning))
    llama.forget(0)
    engine(0)._compute(tokens[:known], lambda: False)
    for token in tokens[known:at]:
        llama.decode([token], answers=1)
    logits = llama.logits(0 if at > known else -1)
    return float(logits[tokens[at]] - logits[rival[at]])


@pytest.mark.parametrize("language", ASKED)
def test_drafts_and_kept_states_choose_no_other_word_where_the_model_is_sure(language: str) -> None:
    asked = prompt(language)
    plain, counts = completion(0, asked, keep=False)
    drafted, guessed = completion(engine_module.LONGEST_DRAFT, asked, keep=False)
    completion(0, asked, keep=True)
    kept, restored = completion(0, asked, keep=True)
    assert plain
    assert (counts.drafted, counts.reused) == (0, 0)
    assert guessed.drafted > 0
    assert restored.reused > 50
    assert restored.prompt == counts.prompt
    for other in (drafted, kept):
        assert other == plain or (language not in SAME and lead(asked, plain, other) < TIE)


def test_cancel_is_heard_in_the_middle_of_a_slice_and_the_next_prompt_is_right() -> None:
    llama = engine(engine_module.LONGEST_DRAFT).llama
    tokens = llama.tokenize("The lighthouse stood alone on its rock and nobody came. " * 12)[:120]
    llama.forget(0)
    before = llama.decode(tokens, 1)
    looks = []

    def cancelled() -> bool:
        looks.append(True)
        return len(looks) > 40

    llama.forget(0)
    with pytest.raises(llama_module.Cancelled):
        llama.decode(tokens, 1, cancelled)
    assert len(looks) < 60
    llama.forget(0)
    assert llama.decode(tokens, 1, lambda: False) == before
