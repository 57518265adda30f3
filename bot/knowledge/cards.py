"""The tip cards: `data/tips/<id>.yaml` says where a tip comes from, `data/languages/<code>/tips/<id>.yaml` is its text in one
language. The schemas here are their formats.

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

SCHEMA_VERSION = 2
"""Raise it when the fields change: indexes built from older cards are then rebuilt."""

Line = Annotated[str, StringConstraints(min_length=2, max_length=400)]
Ask = Annotated[str, StringConstraints(min_length=2, max_length=700)]


class MythFile(FileModel):
    """A wrong claim and its correction."""

    claim: Line
    correction: Line


class Borderline(FileModel):
    """A phrasing that lies nearer to another card than to its own, and is meant to."""

    ask: str
    nearer_to: str


class CardTextFile(FileModel):
    """A whole file `data/languages/<code>/tips/<id>.yaml`."""

    title: Annotated[str, StringConstraints(min_length=3, max_length=70)]
    why: Line
    hear: tuple[Line, ...] = Field(min_length=2)
    steps: tuple[Line, ...] = Field(min_length=3, max_length=6)
    say: tuple[Line, ...] = Field(min_length=2)
    avoid: tuple[Line, ...] = Field(min_length=1)
    reflect: Line
    asks: tuple[Ask, ...] = Field(min_length=10)
    myths: tuple[MythFile, ...] = Field(min_length=2)
    premises: tuple[Ask, ...] = ()
    borderline: tuple[Borderline, ...] = ()


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


def load_card_file(path: Path) -> CardFile:
    """Reads and validates one card file by its schema alone."""
    card = parse(CardFile, parse_yaml(read_text(path), path), path)
    if card.id != path.stem:
        raise KnowledgeError(f"{path}: id is {card.id!r}, the file's name says {path.stem!r}. Make them equal.")
    return card


def load_card_text(path: Path) -> CardTextFile:
    """Reads and validates a card's text in one language by its schema alone."""
    return parse(CardTextFile, parse_yaml(read_text(path), path), path)


def load_cards(folder: Path, languages: Path) -> dict[str, Card]:
    """All cards by id, in the order of their names, with their texts in the languages that have a folder.

    Args:
        folder: `data/tips`.
        languages: `data/languages`.

    Raises:
        KnowledgeError: a file breaks the schema, or names or is named like a card that does not exist.
    """
    files = {path.stem: load_card_file(path) for path in sorted(folder.glob("*.yaml"))}
    if not files:
        raise KnowledgeError(f"{folder} holds no cards (<tip-id>.yaml). Restore it from the repository.")
    for card in files.values():
        missing = [name for name in (*card.related, *card.pulls_against) if name not in files]
        if missing:
            raise KnowledgeError(f"{folder / card.id}.yaml names unknown cards: {', '.join(missing)}.")
    texts: dict[str, dict[str, CardText]] = {name: {} for name in files}
    for path in sorted(languages.glob("*/tips/*.yaml")):
        if path.stem not in files:
            raise KnowledgeError(f"{path}: there is no card {path.stem!r} in {folder}. Rename or remove the file.")
        texts[path.stem][path.parent.parent.name] = _text(load_card_text(path))
    return {name: _card(file, texts[name]) for name, file in files.items()}


def quote_offsets(card: Card, articles: dict[str, Article]) -> tuple[int, int]:
    """Where the card's quote stands in its article's file (characters).

    Raises:
        KnowledgeError: article, section or quote do not exist.
    """
    if card.article not in articles:
        raise KnowledgeError(f"Card {card.id} names the article {card.article!r}; there are {', '.join(sorted(articles))}.")
    return find_quote(articles[card.article], card.passage, card.quote)


def _text(file: CardTextFile) -> CardText:
    fields = {name: value for name, value in file if name != "borderline"}
    return CardText(**{**fields, "myths": tuple(Myth(myth.claim, myth.correction) for myth in file.myths)})


def _card(file: CardFile, texts: dict[str, CardText]) -> Card:
    return Card(file.id, file.article, file.passage, file.quote, file.related, file.pulls_against, file.closeness, texts)
