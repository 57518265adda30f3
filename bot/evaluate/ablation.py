"""What each part of retrieval adds, on one question set. Uses the index's vectors in simpler ways than the retriever does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bot.assemble import Parts
from bot.evaluate.sets import Item
from bot.knowledge.base import Kind
from bot.knowledge.embedding import Vectors
from bot.knowledge.index import Index
from bot.retrieve import Retriever

Rank = Callable[[Item, Vectors], Sequence[str]]
NEAREST = 8


def ablation_table(parts: Parts, items: Sequence[Item]) -> dict[str, dict[str, Any]]:
    """Columns hit@1, hit@3 and milliseconds without the embedding (median); a row a way of ranking."""
    asked = [item for item in items if item.kind == "coaching"]
    raw = parts.embedder.queries([item.question.text for item in asked])
    retriever = parts.index.retriever()
    index = retriever.index
    rows = {
        "article passages, raw cosine": _passages(parts, index, centred=False),
        "article passages, centred": _passages(parts, index, centred=True),
        "+ titles and whys": _nearest(index, 1, Kind.TITLE, Kind.WHY),
        "+ phrasings, nearest one": _nearest(index, 1, Kind.ASK),
        "+ mean of the nearest eight": _nearest(index, NEAREST, Kind.ASK, Kind.TITLE, Kind.WHY),
        "the retriever (classifier, routes)": _retriever(retriever),
    }
    table: dict[str, dict[str, Any]] = {"hit@1": {}, "hit@3": {}, "ms": {}}
    for name, rank in rows.items():
        ranks, times = [], []
        for item, vector in zip(asked, raw, strict=True):
            started = time.perf_counter()
            tips = list(rank(item, vector))
            times.append((time.perf_counter() - started) * 1000)
            ranks.append(next((n for n, tip in enumerate(tips) if tip in item.tips), 99))
        table["hit@1"][name] = float(np.mean([rank == 0 for rank in ranks]))
        table["hit@3"][name] = float(np.mean([rank < 3 for rank in ranks]))
        table["ms"][name] = round(float(np.median(times)), 2)
    return table


def _passages(parts: Parts, index: Index, *, centred: bool) -> Rank:
    quotes = {(card.article, card.passage): card.id for card in parts.knowledge.cards.values()}
    rows = [row for row in index.rows(Kind.PASSAGE) if (p := index.entries[row].passage) is not None and not p.own]
    tips = [quotes.get((p.document, p.title), "") for row in rows if (p := index.entries[row].passage) is not None]
    vectors = (index.centred if centred else index.vectors)[rows]

    def rank(item: Item, vector: Vectors) -> list[str]:
        asked = index.centre(vector, item.lang) if centred else vector
        return [tips[n] for n in np.argsort(-(vectors @ asked))]

    return rank


def _nearest(index: Index, k: int, *kinds: Kind) -> Rank:
    rows = index.rows(*kinds)
    owners = np.array([index.entries[row].owner for row in rows])
    names = sorted(set(owners))

    def rank(item: Item, vector: Vectors) -> list[str]:
        scores = index.centred[rows] @ index.centre(vector, item.lang)
        means = [np.sort(scores[owners == name])[::-1][:k].mean() for name in names]
        return [names[n] for n in np.argsort(means)[::-1]]

    return rank


def _retriever(retriever: Retriever) -> Rank:
    def rank(item: Item, vector: Vectors) -> list[str]:
        return retriever.nearest_tips(retriever.index.centre(vector, item.lang), 8)

    return rank
