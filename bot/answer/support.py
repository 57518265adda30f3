"""How far one sentence is supported by another: what the check's verdict rests on.

Three measures, each 0 to 1: the share of the sentence's words that the source has (rare words count more), the share that stands in
the source's order (longest common subsequence), and the cosine of the embeddings. Their weights and the threshold were fitted on the
dev half of data/eval/support.jsonl (`python run.py eval support`). Numbers, names and negation are separate, hard conditions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bot.knowledge.embedding import Embedder
from bot.language import Language
from bot.text import MARKER, negated, numbers, stems, words

WEIGHTS = (4.0, 2.0, 6.0)
"""Of overlap, order and cosine."""
BIAS = -8.0
THRESHOLD = 0.5
"""Probability of support from which a sentence passes."""
_COSINE_FLOOR = 0.80
"""multilingual-e5-small's cosines live above this; below counts as 0."""


@dataclass(frozen=True)
class Features:
    """What was measured of a sentence against one source."""

    overlap: float
    order: float
    cosine: float
    obstacle: str | None
    """A hard condition that fails: number, name or negation."""

    @property
    def probability(self) -> float:
        """Of support, 0 to 1, hard conditions aside."""
        z = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, (self.overlap, self.order, self.cosine), strict=True))
        return 1 / (1 + math.exp(-z))


class Support:
    """Measures sentences of one language against sources."""

    def __init__(self, language: Language, vocabulary: Mapping[str, float], embedder: Embedder) -> None:
        """Args:
        vocabulary: inverse document frequency of the stems of all vetted sentences of the language (`frequencies`).
        """
        self._language = language
        self._idf = vocabulary
        self._rare = max(vocabulary.values(), default=1.0)
        self._vector = lru_cache(maxsize=2000)(lambda text: embedder.queries([text])[0])

    def measure(self, sentence: str, source: str) -> Features:
        """Compares a sentence with one source."""
        spoken, given = stems(sentence, self._language), stems(source, self._language)
        weights = [self._idf.get(stem, self._rare) for stem in spoken]
        total = sum(weights) or 1.0
        held = set(given)
        overlap = sum(weight for stem, weight in zip(spoken, weights, strict=True) if stem in held) / total
        order = _common_subsequence(spoken, weights, given) / total
        cosine = float(self._vector(MARKER.sub("", sentence)) @ self._vector(source))
        return Features(overlap, order, max(0.0, (cosine - _COSINE_FLOOR) / (1 - _COSINE_FLOOR)), self._obstacle(sentence, source))

    def _obstacle(self, sentence: str, source: str) -> str | None:
        if not numbers(sentence) <= numbers(source):
            return "number"
        if self._names(sentence) - set(words(source)):
            return "name"
        if negated(sentence, self._language) != negated(source, self._language):
            return "negation"
        return None

    def _names(self, sentence: str) -> set[str]:
        """Capitalised words inside the sentence that no vetted sentence of the language has in any form."""
        inside = MARKER.sub("", sentence).split()[1:]
        bare = [word.strip("«»„“”\"'’(),.:;!?–—") for word in inside]
        capital = [word for word in bare if word[:1].isupper()]
        return {word.lower() for word in capital if all(stem not in self._idf for stem in stems(word, self._language))}


def frequencies(sentences: Iterable[str], language: Language) -> dict[str, float]:
    """Inverse document frequency of every stem: log((1 + n) / (1 + df)) + 1 (smoothed, as in scikit-learn's TfidfVectorizer)."""
    documents = [set(stems(sentence, language)) for sentence in sentences]
    counts = Counter(stem for document in documents for stem in document)
    return {stem: math.log((1 + len(documents)) / (1 + count)) + 1 for stem, count in counts.items()}


def _common_subsequence(spoken: Sequence[str], weights: Sequence[float], given: Sequence[str]) -> float:
    """Weight of the heaviest subsequence of `spoken` that stands in `given` in the same order."""
    best = np.zeros(len(given) + 1)
    for stem, weight in zip(spoken, weights, strict=True):
        diagonal = 0.0
        for column, other in enumerate(given, start=1):
            above = best[column]
            best[column] = max(diagonal + weight if stem == other else 0.0, above, best[column - 1])
            diagonal = above
    return float(best[-1])
