"""Figures: medians with bootstrap intervals, ratios, and what a perfect queue would do. Knows nothing of what was measured."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLED = 2000
_QUANTILES = (0.025, 0.975)


@dataclass(frozen=True)
class Figure:
    """A measured figure with its 95 % interval.

    Attributes:
        name: what was measured, as the table says it.
        target: what it should be, such as `≥ 0.97`; empty: only reported.
        n: how many measurements it rests on.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    target: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if not self.target:
            return None
        sign, bound = self.target.split()[:2]
        limit = float(bound)
        return self.value >= limit if sign == "≥" else self.value <= limit

    def to_json(self) -> dict[str, Any]:
        """In plain JSON types."""
        return {**vars(self), "met": self.met}


def median(name: str, values: Sequence[float], unit: str = "", target: str = "") -> Figure:
    """The median of measurements.

    Args:
        values: at least one.
    """
    found = np.asarray(values, float)
    low, high = _interval(lambda picked: float(np.median(found[picked])), len(found))
    return Figure(name, float(np.median(found)), low, high, len(found), unit, target)


def ratio(name: str, ours: Sequence[float], others: Sequence[float], target: str = "") -> Figure:
    """The median of `ours` ÷ `others`, measured in turns: pair by pair, so that a load that both suffer cancels out.

    Args:
        ours, others: of the same length, at least one each.
    """
    found = np.asarray(ours, float) / np.asarray(others, float)
    low, high = _interval(lambda picked: float(np.median(found[picked])), len(found))
    return Figure(name, float(np.median(found)), low, high, len(found), "", target)


def single(name: str, value: float, unit: str = "", target: str = "") -> Figure:
    """A figure that was measured once."""
    return Figure(name, value, value, value, 1, unit, target)


def first_come(services: Sequence[Sequence[float]]) -> list[float]:
    """Response times of a perfect first-come queue.

    Args:
        services: for each user the seconds that each of its questions takes alone; a user asks the next one when the last is answered.

    Returns:
        Seconds from asking to the answer's end, in the order in which the answers end.
    """
    asked = [(0.0, user, 0) for user, own in enumerate(services) if own]
    heapq.heapify(asked)
    free, responses = 0.0, []
    while asked:
        since, user, number = heapq.heappop(asked)
        free = max(free, since) + services[user][number]
        responses.append(free - since)
        if number + 1 < len(services[user]):
            heapq.heappush(asked, (free, user, number + 1))
    return responses


def _interval(measure: Callable[[Any], float], count: int) -> tuple[float, float]:
    """The 95 % interval of a measure by resampling with replacement; the same every time for the same measurements."""
    random = np.random.default_rng(count)
    drawn = [measure(random.integers(0, count, count)) for _ in range(RESAMPLED)]
    low, high = np.quantile(drawn, _QUANTILES)
    return float(low), float(high)
