"""What a scenario is given and what it gives back. It knows no fault."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        tries: how often the fault was made; `failures` of them went wrong.
        figure: what else was measured.
        notes: the first failures in words, for whoever mends them.
    """

    fault: str
    tries: int
    failures: int
    figure: str = ""
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, fault: str, tries: int, wrong: list[str], figure: str = "") -> Row:
        """The row of a list of failures."""
        return cls(fault, tries, len(wrong), figure, tuple(wrong[:5]))


@dataclass(frozen=True)
class Trial:
    """How a scenario is run: with which seed, in which empty folder, short or long, and for how long where time counts."""

    seed: int
    folder: Path
    long: bool = False
    seconds: float = 0.0
    """Length of the soak; 0: the form's own."""

    def dice(self, name: str) -> random.Random:
        """Random numbers that depend on the seed and on what they are for."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311

    def many(self, short: int, long: int) -> int:
        """How many tries."""
        return long if self.long else short

    def place(self, name: str) -> Path:
        """An empty folder."""
        found = self.folder / name
        found.mkdir(parents=True)
        return found


Scenario = Callable[[Trial], list[Row]]


def open_files() -> int:
    """File handles of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all that is wanted


def memory_mb() -> float:
    """Resident memory of this process."""
    return float(psutil.Process().memory_info().rss / 1e6)


def peak_mb() -> float:
    """The most that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
