"""From a question to its route and its ranked tips and passages.

Two rankings of the same centred vectors are added: a ridge classifier over all phrasings (Hoerl & Kennard 1970; one
column a tip) and the mean cosine of a tip's nearest phrasings. The route comes from a second pair of the same kind over
the labelled examples of what is not a coaching question. Weights were chosen on the dev half of data/eval
(docs/LOG.md). It knows nothing of prompts, models or answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bot.knowledge.base import Kind
from bot.knowledge.embedding import Embedder, Vectors
from bot.knowledge.index import Index
from bot.knowledge.routes import COACHING, route_of
from bot.types import Hit, Question, Retrieved, Route

TIP_RIDGE, TIP_NEAREST, TIP_WEIGHT = 10.0, 8, 1.0
ROUTE_RIDGE, ROUTE_NEAREST, ROUTE_WEIGHT = 3.0, 5, 1.0
COACH_BIAS = 0.05
"""Added to the coaching route: turning a manager away costs more than one answer too many."""
SAME = 0.97
"""Cosine of centred vectors above which a question counts as a phrasing that the index holds."""
MYTH_NEAR, MYTH_MARGIN = 0.55, 0.03
"""A question takes a myth for granted when it is this near to the claim, and nearer than to any asking of that tip by the margin."""
PASSAGE_FLOOR = 0.45
"""An own document's passage is offered from this cosine on."""
TOP_K = 8
_PART = re.compile(r"(?<=[.!?…;])\s+|\n+|\s+[–—]\s+")
_SERIOUS = (Route.CRISIS, Route.SENSITIVE, Route.HARMFUL, Route.INJECTION)


@dataclass(frozen=True)
class Retriever:
    """Ranks against one generation of the index; make a new one when the index changes."""

    index: Index
    embedder: Embedder
    _tips: _Ranking
    _routes: _Ranking

    @classmethod
    def over(cls, index: Index, embedder: Embedder) -> Retriever:
        """Fits both rankings; about 0.2 s for 5,000 entries."""
        asks = [*index.rows(Kind.ASK), *index.rows(Kind.TITLE, Kind.WHY)]
        tips = _Ranking.fit(
            index.centred[asks],
            [index.entries[row].owner for row in asks],
            TIP_RIDGE,
            TIP_NEAREST,
            TIP_WEIGHT,
            balance=0.0,
        )
        rows = index.rows(Kind.ASK, Kind.MYTH, Kind.ROUTE)
        names = [_route_name(index.entries[row].owner) if index.entries[row].kind is Kind.ROUTE else COACHING for row in rows]
        routes = _Ranking.fit(index.centred[rows], names, ROUTE_RIDGE, ROUTE_NEAREST, ROUTE_WEIGHT, balance=0.7)
        return cls(index, embedder, tips, routes)

    def retrieve(self, question: Question, language: str) -> Retrieved:
        """Route, tips and passages of a question; a follow-up is understood with the turns before it.

        Args:
            language: of the question, for centring.
        """
        found = self._judge(question.text, language)
        if not question.history or found.route in _SERIOUS:
            return found
        return self._with_history(question, language, found)

    def nearest_tips(self, centred: Vectors, top_k: int) -> list[str]:
        """Ids of the best tips for a vector that is centred already."""
        return [hit.id for hit in self._rank(centred)[:top_k]]

    def _judge(self, text: str, language: str) -> Retrieved:
        parts = [part for part in _PART.split(text) if len(part.split()) >= 3]
        texts = [text, *parts] if len(parts) > 1 else [text]
        raw = self.embedder.queries(texts)
        vectors = np.stack([self.index.centre(vector, language) for vector in raw])
        name, score, partly = self._route(vectors)
        tips = self._rank(vectors[0])
        passages = [hit for hit in self.index.nearest_passages(raw[0], language, TOP_K) if hit.passage.own and hit.score >= PASSAGE_FLOOR]
        route = route_of(name)
        myth = self._myth(vectors, tips) if route is Route.COACH else None
        return Retrieved(route, score, name, tips[:TOP_K], tuple(passages), myth, partly)

    def _with_history(self, question: Question, language: str, alone: Retrieved) -> Retrieved:
        """Settles by the embeddings whether the question needs the turn before it: it does when alone it says less."""
        joined = self._judge(f"{question.history[-1].question} {question.text}", language)
        short = len(question.text.split()) <= 12
        unclear = alone.route is not Route.COACH or alone.tips[0].score < joined.tips[0].score
        if joined.route is Route.COACH and short and unclear:
            return replace(joined, used_history=True, partly=False)
        return alone

    def _route(self, vectors: Vectors) -> tuple[str, float, bool]:
        """Name of the route, its lead over the next, and whether another part of the question is not covered."""
        scores = np.stack([self._routes.scores(vector) for vector in vectors])
        names = self._routes.names
        scores[:, names.index(COACHING)] += COACH_BIAS
        whole = names[int(scores[0].argmax())]
        ordered = np.sort(scores[0])
        return whole, float(ordered[-1] - ordered[-2]), False

    def _rank(self, vector: Vectors) -> tuple[Hit, ...]:
        scores = self._tips.scores(vector)
        return tuple(Hit(self._tips.names[n], float(scores[n])) for n in np.argsort(-scores))

    def _myth(self, vectors: Vectors, tips: Sequence[Hit]) -> tuple[str, int] | None:
        """The myth that the question takes for granted, among those of the best tips."""
        best: tuple[float, str, int] | None = None
        for hit in tips[:3]:
            asks, myths = self._rows_of[hit.id]
            nearest_ask = float((self.index.centred[asks] @ vectors[0]).max())
            for row in myths:
                score = float(self.index.centred[row] @ vectors[0])
                if score >= MYTH_NEAR and score >= nearest_ask + MYTH_MARGIN and (best is None or score > best[0]):
                    best = (score, hit.id, self.index.entries[row].number)
        return (best[1], best[2]) if best else None

    @property
    def _rows_of(self) -> Mapping[str, tuple[list[int], list[int]]]:
        return _rows_by_tip(self.index)


def _rows_by_tip(index: Index) -> Mapping[str, tuple[list[int], list[int]]]:
    rows: dict[str, tuple[list[int], list[int]]] = {}
    for row, entry in enumerate(index.entries):
        if entry.kind in {Kind.ASK, Kind.MYTH}:
            rows.setdefault(entry.owner, ([], []))[entry.kind is Kind.MYTH].append(row)
    return rows


def _route_name(owner: str) -> str:
    return owner


@dataclass(frozen=True)
class _Ranking:
    """A ridge classifier and the nearest examples of each class, added."""

    names: list[str]
    examples: Vectors
    groups: list[list[int]]
    weights: Vectors
    nearest: int
    nearest_weight: float

    @classmethod
    def fit(cls, examples: Vectors, labels: Sequence[str], ridge: float, nearest: int, weight: float, *, balance: float) -> _Ranking:
        """Solves the weighted ridge regression of one 0/1 column a class.

        Args:
            examples: centred unit vectors, shape (n, dimensions).
            labels: the class of each.
            balance: 0 gives every example the same weight, 1 every class.
        """
        names = sorted(set(labels))
        groups = [[row for row, label in enumerate(labels) if label == name] for name in names]
        targets = np.zeros((len(labels), len(names)), np.float32)
        importance = np.zeros(len(labels), np.float32)
        for column, group in enumerate(groups):
            targets[group, column] = 1
            importance[group] = (len(labels) / len(group)) ** balance
        importance /= importance.mean()
        design = np.c_[examples, np.ones(len(examples), np.float32)]
        penalty = ridge * np.eye(design.shape[1], dtype=np.float32)
        penalty[-1, -1] = 1e-6
        weighted = design * importance[:, None]
        weights = np.linalg.solve(weighted.T @ design + penalty, weighted.T @ targets)
        return cls(names, examples, groups, weights.astype(np.float32), nearest, weight)

    def scores(self, vector: Vectors) -> Vectors:
        """Shape (classes,)."""
        cosines = self.examples @ vector
        near = np.array([np.sort(cosines[group])[::-1][: self.nearest].mean() for group in self.groups], np.float32)
        return np.asarray(vector @ self.weights[:-1] + self.weights[-1] + self.nearest_weight * near, np.float32)
