"""The tip cards: one YAML file a tip with its text in every language. The schema here is the card's format.

It knows shapes and counts; whether a card's texts are any good is the validator's matter (`bot.knowledge.validate`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from bot.errors import KnowledgeError
from bot.knowledge.articles import find_quote
from bot.knowledge.files import FileModel, parse, parse_yaml, read_text
from bot.types import Article, Card, CardText, Myth

SCHEMA_VERSION = 1
"""Raise it when the fields change: indexes built from older cards are then rebuilt."""

Line = Annotated[str, StringConstraints(min_length=2, max_length=400)]
Ask = Annotated[str, StringConstraints(min_length=2, max_length=700)]


class MythFile(FileModel):
    """A wrong claim and its correction."""

    claim: Line
    correction: Line


class CardTextFile(FileModel):
    """The block of one language."""

    title: Annotated[str, StringConstraints(min_length=3, max_length=70)]
    why: Line
    hear: tuple[Line, ...] = Field(min_length=2)
    steps: tuple[Line, ...] = Field(min_length=3, max_length=6)
    say: tuple[Line, ...] = Field(min_length=2)
    avoid: tuple[Line, ...] = Field(min_length=1)
    reflect: Line
    asks: tuple[Ask, ...] = Field(min_length=10)
    myths: tuple[MythFile, ...] = Field(min_length=2)


class Borderline(FileModel):
    """A phrasing that lies nearer to another card than to its own, and is meant to."""

    ask: str
    nearer_to: str


class CardFile(FileModel):
    """A whole file `data/tips/<id>.yaml`."""

    id: str
    article: str
    passage: str
    """Exact heading of the article's section."""
    quote: str
    """Exact words of that section that carry the tip best."""
    closeness: Literal[-1, 0, 1] = 0
    """1: the tip asks for closeness, -1: for distance, 0: neither. Decides which side a disagreement is on."""
    related: tuple[str, ...] = ()
    pulls_against: tuple[str, ...] = ()
    borderline: tuple[Borderline, ...] = ()
    languages: dict[str, CardTextFile]


def load_card_file(path: Path) -> CardFile:
    """Reads and validates one card file by its schema alone."""
    card = parse(CardFile, parse_yaml(read_text(path), path), path)
    if card.id != path.stem:
        raise KnowledgeError(f"{path}: id is {card.id!r}, the file's name says {path.stem!r}. Make them equal.")
    return card


def load_cards(folder: Path) -> dict[str, Card]:
    """All cards of a folder by id, in the order of their names.

    Raises:
        KnowledgeError: a file breaks the schema, or a card names one that does not exist.
    """
    cards = {path.stem: _card(load_card_file(path)) for path in sorted(folder.glob("*.yaml"))}
    if not cards:
        raise KnowledgeError(f"{folder} holds no cards (<tip-id>.yaml). Restore it from the repository.")
    for card in cards.values():
        missing = [name for name in (*card.related, *card.pulls_against) if name not in cards]
        if missing:
            raise KnowledgeError(f"{folder / card.id}.yaml names unknown cards: {', '.join(missing)}.")
    return cards


def quote_offsets(card: Card, articles: dict[str, Article]) -> tuple[int, int]:
    """Where the card's quote stands in its article's file (characters).

    Raises:
        KnowledgeError: article, section or quote do not exist.
    """
    if card.article not in articles:
        raise KnowledgeError(f"Card {card.id} names the article {card.article!r}; there are {', '.join(sorted(articles))}.")
    return find_quote(articles[card.article], card.passage, card.quote)


def _card(file: CardFile) -> Card:
    texts = {
        code: CardText(**{**dict(block), "myths": tuple(Myth(myth.claim, myth.correction) for myth in block.myths)})
        for code, block in file.languages.items()
    }
    return Card(file.id, file.article, file.passage, file.quote, file.related, file.pulls_against, file.closeness, texts)
