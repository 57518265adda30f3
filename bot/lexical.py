"""What a question's words say of the tips, or of the routes: smoothed log-odds of each stem over the phrasings of its language.

The embedding sees situations and misses words. Each stem of a question counts log(p / q), where p is its share of a class's
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
    """One language: texts a class, and texts of each class that hold a stem."""

    texts: Counter[str]
    holding: dict[str, Counter[str]]


class Lexicon:
    """Word evidence for classes with labelled texts; a language is counted at its first question."""

    def __init__(self, texts: Sequence[tuple[str, str, str]], languages: Languages) -> None:
        """Args:
        texts: (class, language, text) of each example.
        """
        self._texts = texts
        self._languages = languages
        self._counts = lru_cache(maxsize=None)(self._counted)

    def evidence(self, text: str, language: str, classes: Sequence[str]) -> Vectors:
        """Log-odds of each class, shape (classes,); zeros for a language without examples."""
        row = self._languages.table.get(language)
        if row is None:
            return np.zeros(len(classes), np.float32)
        counts = self._counts(language)
        total = sum(counts.texts.values())
        spoken = set(stems(text, row))
        found = np.zeros(len(classes), np.float32)
        for stem in spoken:
            holding = counts.holding.get(stem, Counter())
            everywhere = sum(holding.values())
            if 2 <= everywhere <= FREQUENT * total:
                found += [_odds(holding[name], counts.texts[name], everywhere, total, len(classes)) for name in classes]
        return found / np.float32(math.sqrt(len(spoken) + SHORT))

    def warm(self) -> None:
        """Counts every language now."""
        for code in self._languages.codes:
            self._counts(code)

    def _counted(self, language: str) -> _Counts:
        row: Language = self._languages.table[language]
        texts: Counter[str] = Counter()
        holding: dict[str, Counter[str]] = {}
        for name, code, text in self._texts:
            if code == language:
                texts[name] += 1
                for stem in set(stems(text, row)):
                    holding.setdefault(stem, Counter())[name] += 1
        return _Counts(texts, holding)


def _odds(here: int, texts: int, everywhere: int, total: int, classes: int) -> float:
    inside = (here + SMOOTHING) / (texts + 1)
    outside = (everywhere - here + SMOOTHING * (classes - 1)) / (total - texts + classes - 1)
    return max(FLOOR, math.log(inside / outside))
