"""All that ships with the product, loaded once: articles, cards, routes; and the entries that an index is built from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from bot.knowledge.articles import article_passages, load_articles
from bot.knowledge.cards import load_cards, quote_offsets
from bot.knowledge.routes import RouteSet, load_routes
from bot.types import Article, Card, Passage


class Kind(StrEnum):
    """What an entry's text is to its owner."""

    ASK = "ask"
    TITLE = "title"
    WHY = "why"
    MYTH = "myth"
    PREMISE = "premise"
    ROUTE = "route"
    PASSAGE = "passage"


@dataclass(frozen=True)
class Entry:
    """One text of the index. `owner` is a tip id, a route's name or a passage id; `number` counts within the owner."""

    kind: Kind
    owner: str
    language: str
    number: int
    text: str
    passage: Passage | None = None

    @cached_property
    def id(self) -> str:
        """Unique within an index, the same for the same place and text."""
        return hashlib.sha256(f"{self.kind}|{self.owner}|{self.language}|{self.number}|{self.text}".encode()).hexdigest()[:32]

    @cached_property
    def vector_key(self) -> int:
        """64 bits that name the entry's vector: the text and whether it is embedded as a question or as a passage."""
        prefix = "passage" if self.kind is Kind.PASSAGE else "query"
        return int.from_bytes(hashlib.sha256(f"{prefix}: {self.text}".encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Knowledge:
    """Everything shipped. `quotes` are the offsets of each card's quote in its article's text."""

    articles: Mapping[str, Article]
    cards: Mapping[str, Card]
    routes: RouteSet
    quotes: Mapping[str, tuple[int, int]] = field(repr=False)

    def entries(self) -> Iterator[Entry]:
        """Every text that the index holds, cards first."""
        for card in self.cards.values():
            for language, text in card.texts.items():
                yield from (Entry(Kind.ASK, card.id, language, n, ask) for n, ask in enumerate(text.asks))
                yield Entry(Kind.TITLE, card.id, language, 0, text.title)
                yield Entry(Kind.WHY, card.id, language, 0, text.why)
                yield from (Entry(Kind.MYTH, card.id, language, n, myth.claim) for n, myth in enumerate(text.myths))
                yield from (Entry(Kind.PREMISE, card.id, language, n, premise) for n, premise in enumerate(text.premises))
        for (name, language), examples in self.routes.examples.items():
            yield from (Entry(Kind.ROUTE, name, language, n, example) for n, example in enumerate(examples))
        for article in self.articles.values():
            for passage in article_passages(article):
                yield Entry(Kind.PASSAGE, passage.id, passage.language, 0, passage.text, passage)


def load_knowledge(data: Path, country: str = "default", contacts: Path | None = None) -> Knowledge:
    """Reads `data/` whole.

    Args:
        country: whose help contacts the replies name.
        contacts: an organisation's own help contacts, before the shipped ones.

    Raises:
        KnowledgeError: the first thing that is wrong, with file and field.
    """
    articles = load_articles(data / "articles")
    cards = load_cards(data / "tips", data / "languages")
    routes = load_routes(data / "languages", contacts, country)
    return Knowledge(articles, cards, routes, {card.id: quote_offsets(card, articles) for card in cards.values()})
