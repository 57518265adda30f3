"""The check's limits on the labelled pairs: what they promise in docs/CHECK.md holds on both halves."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.answer.support import common_subsequence
from bot.coach import Coach
from bot.evaluate.support import by_kind, load_pairs, measure_pairs, passed


@pytest.mark.parametrize("half", ["dev", "test"])
def test_what_adds_or_contradicts_does_not_pass(coach: Coach, data: Path, half: str) -> None:
    pairs = load_pairs(data / "eval" / "support.jsonl")
    features = measure_pairs(pairs, coach.support)
    found = passed(pairs, features, half)
    assert found.partly <= 0.01
    assert found.unsupported <= 0.02
    kinds = by_kind(pairs, features, half)
    assert kinds["same"][0] == kinds["same"][1]
    assert kinds["joined"][0] >= 0.6 * kinds["joined"][1]


def test_the_set_is_large_enough_and_in_five_languages(data: Path) -> None:
    pairs = load_pairs(data / "eval" / "support.jsonl")
    assert len(pairs) >= 300
    assert {pair.lang for pair in pairs} == {"nb", "sv", "de", "ru", "en"}


def test_common_subsequence_counts_words_in_order() -> None:
    assert common_subsequence(["a", "b", "c", "d"], ["a", "c", "b", "d"]) == 3
    assert common_subsequence([], ["a"]) == 0
