"""A simulation of managers who ask, and of the line before each process's model. It knows seconds, not machines or questions.

Discrete events: questions arrive as a Poisson process; each goes to its manager's process (nginx keeps an address with one); there
it waits in the line of `bot.llm.line`, with the same two reasons to be composed at once: too many wait, or the wait would be too
long at the pace of late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from bot.llm.line import REMEMBERED

HOUR = 3600.0


@dataclass(frozen=True)
class Patience:
    """How long a question waits for the model before it is composed: the settings `queue` and `busy_seconds`."""

    queue: int = 8
    seconds: float = 12.0


@dataclass(frozen=True)
class Crowd:
    """Who asks how much. All three shares are assumptions, not measured."""

    managers: int
    a_day: float = 4.0
    """Questions of a manager on a working day."""
    peak: float = 0.2
    """Share of the day's questions that fall into its busiest hour."""
    coaching: float = 0.8
    """Share of questions that go to the model; the others get a fixed reply."""

    @property
    def an_hour(self) -> float:
        """Questions in the busiest hour that go to the model."""
        return self.managers * self.a_day * self.peak * self.coaching

    def arrivals(self, hours: float, dice: np.random.Generator) -> Iterator[tuple[float, int]]:
        """(second, manager) of each question of so many busiest hours on end."""
        count = int(dice.poisson(self.an_hour * hours))
        yield from zip(np.sort(dice.uniform(0, hours * HOUR, count)).tolist(), dice.integers(0, self.managers, count).tolist(), strict=True)


@dataclass(frozen=True)
class Outcome:
    """What became of the questions.

    Attributes:
        waits: seconds in the line of each question that the model worded.
        composed: how many were composed because the model was busy.
        busy: share of the time in which a model computed, mean of the processes.
    """

    waits: Sequence[float]
    composed: int
    busy: float

    @property
    def composed_share(self) -> float:
        """Of all questions that would have gone to the model."""
        return self.composed / max(1, self.composed + len(self.waits))

    def wait(self, share: float) -> float:
        """So many of those that waited had this many seconds at most."""
        return float(np.quantile(self.waits, share)) if self.waits else 0.0


class Model:
    """One process's model, which words one answer after the other."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._ends: deque[tuple[float, float]] = deque()
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self.computed = 0.0

    def ask(self, now: float, seconds: float) -> float | None:
        """The wait of a question that arrives now and takes so long, or None when it is composed at once."""
        while self._ends and self._ends[0][0] <= now:
            self._late.append(self._ends.popleft()[1])
        ahead = len(self._ends)
        expected = ahead * median(self._late) if self._late else 0.0
        if ahead > self._patience.queue or (ahead and expected > self._patience.seconds):
            return None
        start = max(now, self._ends[-1][0] if self._ends else now)
        self._ends.append((start + seconds, seconds))
        self.computed += seconds
        return start - now


def simulate(crowd: Crowd, processes: int, services: Sequence[float], patience: Patience, hours: float, seed: int = 1) -> Outcome:
    """Lets a crowd ask.

    Args:
        services: measured seconds of single answers; each question takes one of them by chance.
        hours: busiest hours on end.
    """
    dice = np.random.default_rng(seed)
    home = dice.integers(0, processes, crowd.managers)
    models = [Model(patience) for _ in range(processes)]
    waits = [
        models[home[manager]].ask(now, seconds) for (now, manager), seconds in _timed(list(crowd.arrivals(hours, dice)), services, dice)
    ]
    worded = [wait for wait in waits if wait is not None]
    busy = sum(model.computed for model in models) / (processes * hours * HOUR)
    return Outcome(worded, len(waits) - len(worded), busy)


def replay(times: Sequence[float], services: Sequence[float], patience: Patience, runs: int = 200) -> Outcome:
    """What is to be expected of one process that is asked at these very seconds; many runs, each with other service times."""
    dice = np.random.default_rng(7)
    waits: list[float | None] = []
    computed = 0.0
    for _ in range(runs):
        model = Model(patience)
        waits += [model.ask(now, seconds) for now, seconds in zip(times, dice.choice(services, len(times)).tolist(), strict=True)]
        computed += model.computed
    worded = [wait for wait in waits if wait is not None]
    return Outcome(worded, len(waits) - len(worded), computed / runs / (max(times) + float(np.mean(services))))


def _timed(
    arrivals: Sequence[tuple[float, int]], services: Sequence[float], dice: np.random.Generator
) -> Iterator[tuple[tuple[float, int], float]]:
    yield from zip(arrivals, dice.choice(np.asarray(services), len(arrivals)).tolist(), strict=True)
