"""Does an index find what it holds? Its own phrasings are the golden questions: no embedding is needed to ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.knowledge.base import Entry, Kind
from bot.knowledge.cards import CardTextFile
from bot.knowledge.embedding import Vectors
from bot.knowledge.index import Index
from bot.retrieve import Retriever

GOLDEN_SHARE = 0.97
"""Share of the cards' first phrasings that must find their card among three before an index is made current."""


def golden(index: Index, solved: Mapping[str, Vectors] | None = None) -> str | None:
    """Asks the index the first phrasing of every card in every language; says what is wrong, or None."""
    retriever = Retriever.over(index, _NoEmbedder(), solved=solved)
    rows = [row for row in index.rows(Kind.ASK) if index.entries[row].number == 0]
    wrong = [row for row in rows if index.entries[row].owner not in retriever.nearest_tips(index.centred[row], 3)]
    if len(wrong) > (1 - GOLDEN_SHARE) * len(rows):
        return f"{len(wrong)} of {len(rows)} golden questions do not find their card, for example {index.entries[wrong[0]].text!r}"
    return None


def misplaced(retriever: Retriever, texts: Mapping[tuple[str, str], CardTextFile]) -> list[str]:
    """Phrasings that find another card before their own, without the card's file saying so under `borderline`.

    Args:
        texts: the cards' files by tip id and language.
    """
    known = {(tip, border.ask): border.nearer_to for (tip, _), text in texts.items() for border in text.borderline}
    found = []
    for row in retriever.index.rows(Kind.ASK):
        entry: Entry = retriever.index.entries[row]
        first = retriever.nearest_tips(retriever.index.centred[row], 1)[0]
        if first not in {entry.owner, known.get((entry.owner, entry.text))}:
            found.append(f"{entry.owner}, {entry.language}: finds {first} first: {entry.text}")
    return found


class _NoEmbedder:
    """The golden questions' vectors are in the index."""

    def queries(self, texts: Sequence[str]) -> Vectors:
        raise NotImplementedError

    def passages(self, texts: Sequence[str]) -> Vectors:
        raise NotImplementedError
