"""What a question's words say of the tips: smoothed log-odds of each stem over the phrasings of its language.

The embedding sees situations and misses words; this sees words. Each stem of a question counts log(p / q), where p is its share of a tip's
texts and q its share of all others' (a naive Bayes of presence), cut off below so that one strange word costs little, and divided by the
root of the question's length. It knows nothing of embeddings or routes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bot.knowledge.base import Entry, Kind
from bot.knowledge.embedding import Vectors
from bot.language import Language, Languages
from bot.text import stems

SMOOTHING = 0.3
FLOOR = -0.2
"""Least that one word counts."""
FREQUENT = 0.2
"""Stems in more than this share of all texts are left out; so are those in one text only."""
SHORT = 3
"""Added to the number of words: few words are weaker evidence."""


@dataclass(frozen=True)
class _Counts:
    """One language: texts a tip, and texts of each tip that hold a stem."""

    texts: Counter[str]
    holding: dict[str, Counter[str]]


class Lexicon:
    """Word evidence over one generation of the index; a language is counted at its first question."""

    def __init__(self, entries: Sequence[Entry], languages: Languages) -> None:
        self._entries = [entry for entry in entries if entry.kind in {Kind.ASK, Kind.TITLE, Kind.WHY}]
        self._languages = languages
        self._counts = lru_cache(maxsize=None)(self._counted)

    def evidence(self, text: str, language: str, tips: Sequence[str]) -> Vectors:
        """Log-odds of each tip, shape (tips,); zeros for a language without phrasings."""
        row = self._languages.table.get(language)
        if row is None:
            return np.zeros(len(tips), np.float32)
        counts = self._counts(language)
        total = sum(counts.texts.values())
        spoken = set(stems(text, row))
        found = np.zeros(len(tips), np.float32)
        for stem in spoken:
            holding = counts.holding.get(stem, Counter())
            everywhere = sum(holding.values())
            if 2 <= everywhere <= FREQUENT * total:
                found += [_odds(holding[tip], counts.texts[tip], everywhere, total, len(tips)) for tip in tips]
        return found / np.float32(math.sqrt(len(spoken) + SHORT))

    def warm(self) -> None:
        """Counts every language now."""
        for code in self._languages.codes:
            self._counts(code)

    def _counted(self, language: str) -> _Counts:
        row: Language = self._languages.table[language]
        texts: Counter[str] = Counter()
        holding: dict[str, Counter[str]] = {}
        for entry in self._entries:
            if entry.language == language:
                texts[entry.owner] += 1
                for stem in set(stems(entry.text, row)):
                    holding.setdefault(stem, Counter())[entry.owner] += 1
        return _Counts(texts, holding)


def _odds(here: int, texts: int, everywhere: int, total: int, tips: int) -> float:
    inside = (here + SMOOTHING) / (texts + 1)
    outside = (everywhere - here + SMOOTHING * (tips - 1)) / (total - texts + tips - 1)
    return max(FLOOR, math.log(inside / outside))
