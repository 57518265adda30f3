"""The check's limits on labelled pairs: what passes at which limit. Knows no question sets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.answer.support import COSINE, ORDER, Features, Support
from bot.errors import UsageError

LIMITS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 1.0)


@dataclass(frozen=True)
class Pair:
    """A vetted sentence and one that a model might write, with a person's label: supported, partly or unsupported."""

    lang: str
    source: str
    sentence: str
    label: str
    kind: str
    half: str


@dataclass(frozen=True)
class Passed:
    """Share of each label that passes at one pair of limits."""

    order: float
    cosine: float
    supported: float
    partly: float
    unsupported: float


def load_pairs(path: Path) -> list[Pair]:
    """Reads a JSONL file of pairs.

    Raises:
        UsageError: a line is not a pair.
    """
    try:
        return [Pair(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no set of labelled pairs: {error}.") from error


def measure_pairs(pairs: Sequence[Pair], support: Callable[[str], Support]) -> list[Features]:
    """The features of each pair."""
    return [support(pair.lang).measure(pair.sentence, pair.source) for pair in pairs]


def passed(pairs: Sequence[Pair], features: Sequence[Features], half: str, order: float = ORDER, cosine: float = COSINE) -> Passed:
    """What passes in one half of the set."""
    total: Counter[str] = Counter()
    through: Counter[str] = Counter()
    for pair, measured in zip(pairs, features, strict=True):
        if pair.half == half:
            total[pair.label] += 1
            through[pair.label] += measured.supported(order, cosine)
    share = {label: through[label] / total[label] for label in total}
    return Passed(order, cosine, share.get("supported", 0.0), share.get("partly", 0.0), share.get("unsupported", 0.0))


def by_kind(pairs: Sequence[Pair], features: Sequence[Features], half: str) -> dict[str, tuple[int, int]]:
    """(passed, all) of each kind of pair in one half."""
    found: dict[str, tuple[int, int]] = {}
    for pair, measured in zip(pairs, features, strict=True):
        if pair.half == half:
            through, total = found.get(pair.kind, (0, 0))
            found[pair.kind] = (through + measured.supported(), total + 1)
    return found
