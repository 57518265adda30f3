"""Counting tokens: exact with the model's vocabulary, on the high side without it."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from bot.config import ROOT
from bot.llm.tuning import Tuning
from bot.tokens import estimate, load_counter
from tests.llm.models import model_file

LINES = sorted(
    {line for path in (ROOT / "data" / "articles").glob("*/*.md") for line in path.read_text(encoding="utf-8").splitlines() if line}
)


def test_without_a_vocabulary_counts_are_estimates(tmp_path: Path) -> None:
    assert load_counter(tmp_path / "missing.tiktoken") is estimate


@pytest.mark.parametrize("text", ["", "a", "å", "Доверие", "🙂"])
def test_estimate_is_never_zero(text: str) -> None:
    assert estimate(text) >= 1


def test_vocabulary_of_single_bytes_counts_bytes(tmp_path: Path) -> None:
    path = tmp_path / "bytes.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(bytes([n])) + f" {n}\n".encode() for n in range(256)))
    count = load_counter(path)
    assert count("trust") == 5
    assert count("å") == 2
    assert count("") == 0


@pytest.mark.model
def test_counts_are_llama_cpp_s_own_on_every_line_of_the_articles(tmp_path: Path) -> None:
    from bot.llm.llama import Llama  # noqa: PLC0415 - loads llama.cpp
    from bot.llm.worker import _write_vocabulary  # noqa: PLC0415

    llama = Llama(model_file(), context=512, tuning=Tuning(len(os.sched_getaffinity(0))))
    _write_vocabulary(llama.vocabulary(), tmp_path / "v.tiktoken")
    count = load_counter(tmp_path / "v.tiktoken")
    assert len(LINES) > 100
    assert {line: count(line) for line in LINES} == {line: len(llama.tokenize(line)) for line in LINES}
    assert all(estimate(line) >= count(line) for line in LINES)
