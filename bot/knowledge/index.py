"""The index in memory: entries, their vectors, and the centring by language that makes languages comparable.

multilingual-e5-small puts every text of one language into one corner of the space. Subtracting the mean vector of the
phrasings of a text's language, and normalising again, takes that away (docs/LOG.md has the figures). It knows nothing
of files, of Chroma, or of how tips are ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bot.knowledge.base import Entry, Kind
from bot.knowledge.embedding import Vectors
from bot.types import Passage, PassageHit

_SHRINK = 20
"""A language's passage mean counts as much as this many passages at the mean of its phrasings."""


@dataclass(frozen=True)
class Index:
    """All entries of one generation.

    Attributes:
        generation: name that changes with every build.
        entries: in a fixed order.
        vectors: raw unit vectors, shape (entries, dimensions).
    """

    generation: str
    entries: Sequence[Entry]
    vectors: Vectors

    def centre(self, vector: Vectors, language: str) -> Vectors:
        """A question's vector, shape (dimensions,), moved into the common space."""
        return _normalise(vector - self._means.get(language, self._mean))

    def rows(self, *kinds: Kind) -> list[int]:
        """Positions of the entries of these kinds."""
        return [row for row, entry in enumerate(self.entries) if entry.kind in kinds]

    @cached_property
    def centred(self) -> Vectors:
        """All vectors in the common space, shape (entries, dimensions)."""
        means = self._passage_means
        offsets = [
            means[entry.language] if entry.kind is Kind.PASSAGE else self._means.get(entry.language, self._mean) for entry in self.entries
        ]
        return _normalise(self.vectors - np.array(offsets, np.float32).reshape(self.vectors.shape))

    @property
    def passages(self) -> dict[str, Passage]:
        """All passages by id."""
        return {entry.passage.id: entry.passage for entry in self.entries if entry.passage is not None}

    def nearest_passages(self, vector: Vectors, language: str, top_k: int) -> list[PassageHit]:
        """The passages nearest to a question's raw vector, best first. Exact: every passage is compared."""
        rows = self._passage_rows
        if not rows:
            return []
        scores = self.centred[rows] @ self.centre(vector, language)
        best = np.argsort(-scores)[:top_k].tolist()
        return [PassageHit(passage, float(scores[n])) for n in best if (passage := self.entries[rows[n]].passage) is not None]

    @cached_property
    def _passage_rows(self) -> list[int]:
        return self.rows(Kind.PASSAGE)

    @cached_property
    def _means(self) -> Mapping[str, Vectors]:
        rows = self.rows(Kind.ASK)
        languages = {self.entries[row].language for row in rows}
        return {code: self.vectors[[row for row in rows if self.entries[row].language == code]].mean(axis=0) for code in languages}

    @cached_property
    def _mean(self) -> Vectors:
        return np.asarray(np.mean(list(self._means.values()), axis=0), np.float32)

    @cached_property
    def _passage_means(self) -> dict[str, Vectors]:
        rows = self._passage_rows
        if not rows:
            return {}
        overall = self.vectors[rows].mean(axis=0)
        shift = overall - self._mean
        means = {}
        for code in {self.entries[row].language for row in rows}:
            own = self.vectors[[row for row in rows if self.entries[row].language == code]]
            prior = self._means.get(code, self._mean) + shift
            means[code] = (own.sum(axis=0) + _SHRINK * prior) / (len(own) + _SHRINK)
        return means


def _normalise(vectors: Vectors) -> Vectors:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), np.float32)
