"""Ranking classes by their examples: a kernel ridge classifier and the mean of the nearest examples, added.

Solving for the classifier's weights takes minutes for the shipped examples, so solved weights are kept in a file and are found again by
what they were solved from; where there are none, a part of the examples spans a solution that takes seconds. It knows vectors and names
only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bot.errors import KnowledgeError
from bot.knowledge.embedding import EMBEDDER, Vectors

KERNEL_WIDTH = 1.5
"""Kernel exp(width * (cosine - 1)) of both classifiers."""
RIDGE = 0.3
EXACT, ANCHORS = 4000, 1600
"""Up to so many examples the classifier is solved exactly at any time; more are spanned by so many of them in a hurry (0.4 s for 6,000)."""
SAME = 0.97
"""Cosine of centred vectors above which a question counts as a phrasing that the index holds."""


@dataclass(frozen=True)
class Ranking:
    """A kernel ridge classifier and the nearest examples of each class, added."""

    names: list[str]
    examples: Vectors
    labels: np.ndarray[tuple[int], np.dtype[np.intp]]
    anchors: Vectors
    weights: Vectors
    prior: Vectors
    nearest: int
    nearest_weight: float
    key: str
    """Names what the weights were solved from."""

    @classmethod
    def fit(
        cls,
        examples: Vectors,
        owners: Sequence[str],
        nearest: int,
        weight: float,
        balance: float,
        ids: Sequence[str] = (),
        solved: Mapping[str, Vectors] | None = None,
        *,
        unhurried: bool = False,
    ) -> Ranking:
        """Solves the weighted ridge regression of one 0/1 column a class in the span of the examples' kernels, or of the anchors'.

        Args:
            examples: centred unit vectors, shape (n, dimensions).
            owners: the class of each.
            nearest: how many of a class's nearest examples are averaged.
            weight: of that average beside the classifier.
            balance: 0 gives every example the same weight, 1 every class.
            ids: what the examples are called, for `solved`.
            solved: weights by `key`; found there they are not solved again.
            unhurried: solve exactly however many examples there are (three rankings of up to 24,000: 4 minutes and 10.5 GB).
        """
        key = _key(ids, owners, balance)
        known = (solved or {}).get(key)
        names, labels, counts = np.unique(np.array(owners), return_inverse=True, return_counts=True)
        targets = np.eye(len(names), dtype=np.float32)[labels]
        importance = ((len(labels) / counts[labels]) ** balance).astype(np.float32)
        importance /= importance.mean()
        prior = np.asarray((targets * importance[:, None]).mean(axis=0), np.float32)
        anchors = examples
        if known is not None and known.shape == (len(examples), len(names)):
            weights = known
        elif unhurried or len(examples) <= EXACT:
            kernel = _kernel(examples, examples)
            kernel[np.diag_indices(len(examples))] += RIDGE / importance
            weights = np.linalg.solve(kernel, targets - prior)
        else:
            anchors = examples[_spread(labels, counts, ANCHORS)]
            design = _kernel(examples, anchors)
            weighted = design * importance[:, None]
            penalty = RIDGE * _kernel(anchors, anchors) + 6e-4 * np.eye(len(anchors), dtype=np.float32)
            weights = np.linalg.solve(weighted.T @ design + penalty, weighted.T @ (targets - prior))
        return cls([str(name) for name in names], examples, labels, anchors, weights.astype(np.float32), prior, nearest, weight, key)

    def scores(self, vectors: Vectors) -> Vectors:
        """Scores of centred vectors of shape (n, dimensions), shape (n, classes)."""
        cosines = vectors @ self.examples.T
        kernel = _gaussian(cosines) if self.anchors is self.examples else _kernel(vectors, self.anchors)
        near = np.stack([_highest(cosines[:, group], self.nearest).mean(axis=1) for group in self._groups], axis=1)
        return np.asarray(kernel @ self.weights + self.prior + self.nearest_weight * near, np.float32)

    def best(self, vector: Vectors, bias: Mapping[str, float]) -> tuple[str, float]:
        """The best class of one vector and its lead over the next."""
        scores = self._biased(vector, bias)
        second, first = np.argsort(scores)[-2:]
        return self.names[first], float(scores[first] - scores[second])

    def same(self, vector: Vectors) -> str | None:
        """The class of the example that this vector is, if it is one."""
        cosines = self.examples @ vector
        nearest = int(cosines.argmax())
        return self.names[self.labels[nearest]] if cosines[nearest] >= SAME else None

    def lead(self, vector: Vectors, name: str, bias: Mapping[str, float]) -> float:
        """How far one class is ahead of the best other one; negative when it is behind."""
        scores = self._biased(vector, bias)
        own = self.names.index(name)
        return float(scores[own] - np.delete(scores, own).max())

    def _biased(self, vector: Vectors, bias: Mapping[str, float]) -> Vectors:
        """Scores of one vector with what each class is given on top, shape (classes,)."""
        return np.asarray(self.scores(vector[None])[0] + np.array([bias.get(name, 0.0) for name in self.names], np.float32), np.float32)

    @cached_property
    def _groups(self) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
        return [np.flatnonzero(self.labels == n) for n in range(len(self.names))]


def save_weights(path: Path, rankings: Sequence[Ranking]) -> None:
    """Writes what was solved, by key."""
    with path.open("wb") as file:
        np.savez_compressed(file, **{ranking.key: ranking.weights.astype(np.float16) for ranking in rankings})  # type: ignore[arg-type]


def load_weights(path: Path) -> dict[str, Vectors]:
    """Solved weights by key; none where there is no file.

    Raises:
        KnowledgeError: the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key].astype(np.float32) for key in file.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise KnowledgeError(f"{path} is damaged: {error}. Write it anew with: python run.py vectors.") from error


def _key(ids: Sequence[str], owners: Sequence[str], balance: float) -> str:
    constants = (EMBEDDER, KERNEL_WIDTH, RIDGE, balance)
    return sha256(repr((constants, list(ids), list(owners))).encode()).hexdigest()


def _kernel(first: Vectors, second: Vectors) -> Vectors:
    """Shape (len(first), len(second))."""
    return _gaussian(first @ second.T)


def _gaussian(cosines: Vectors) -> Vectors:
    """The Gaussian kernel of unit vectors with these cosines."""
    kernel = cosines - np.float32(1)
    kernel *= KERNEL_WIDTH
    return np.asarray(np.exp(kernel, out=kernel), np.float32)


def _highest(values: Vectors, count: int) -> Vectors:
    """The `count` highest of each row, or all of them, in no order."""
    if values.shape[1] <= count:
        return values
    return np.asarray(np.partition(values, -count, axis=1)[:, -count:], np.float32)


def _spread(labels: np.ndarray[tuple[int], np.dtype[np.intp]], counts: np.ndarray[tuple[int], np.dtype[np.intp]], total: int) -> list[int]:
    """About `total` positions, of each class in proportion to the root of its size; the same ones at every start."""
    random = np.random.default_rng(0)
    share = np.sqrt(counts) / np.sqrt(counts).sum()
    wanted = np.minimum(counts, np.ceil(share * total)).astype(int)
    return [int(row) for name, count in enumerate(wanted) for row in random.permutation(np.flatnonzero(labels == name))[:count]]
