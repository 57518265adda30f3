"""Choosing the fastest settings."""

from __future__ import annotations

from collections.abc import Sequence

from bot.bench.tune import best
from bot.llm.tuning import Tuning


def chosen(processors: int, fastest: Tuning) -> tuple[Tuning, list[Tuning]]:
    """What is chosen on a machine where each setting that differs from `fastest` costs a second, and what was tried."""

    def measure(candidates: Sequence[Tuning]) -> Sequence[float]:
        return [
            float(sum(one != other for one, other in zip(vars(tuning).values(), vars(fastest).values(), strict=True)))
            for tuning in candidates
        ]

    *tried, last = best(Tuning(processors), processors, measure)
    return Tuning.from_json(last["best"]), [Tuning.from_json(one["tuning"]) for one in tried]  # type: ignore[arg-type]


def test_fastest_of_each_kind_is_found() -> None:
    for fastest in (Tuning(8), Tuning(7, 256, flash=True, repack=True), Tuning(4, 64, repack=True)):
        found, _ = chosen(8, fastest)
        assert found == fastest


def test_machine_with_one_processor_tries_one_thread() -> None:
    found, tried = chosen(1, Tuning(1, 256))
    assert found == Tuning(1, 256)
    assert {tuning.threads for tuning in tried} == {1}
