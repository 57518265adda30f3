"""A small index's entries, for the tests of the store and of building."""

from __future__ import annotations

from collections.abc import Sequence

from bot.knowledge.base import Entry, Kind
from bot.knowledge.build import embed
from bot.knowledge.embedding import Embedder, Vectors
from bot.types import Passage

_PASSAGE = Passage("rules#12", "rules", "House rules: «Ferie»", "nb", "Ferie søkes om før mai.", 12, 35, own=True)
ENTRIES = [
    *(Entry(Kind.ASK, f"tip-{n % 4}", language, n, f"How do I {n}? ({language})") for n in range(12) for language in ("en", "ru")),
    Entry(Kind.TITLE, "tip-0", "ru", 0, "Говорите правду"),
    Entry(Kind.ROUTE, "not_covered", "en", 0, "What will the weather be? 🙂"),
    Entry(Kind.PASSAGE, "rules#12", "nb", 0, _PASSAGE.text, _PASSAGE),
]


def vectors_of(entries: Sequence[Entry], embedder: Embedder) -> Vectors:
    """Their vectors, all embedded."""
    return embed(entries, {}, embedder)
