"""Labelled examples of what is not a coaching question, each route's vetted reply, and the dated file of help contacts.

It knows which replies exist, not which one a question gets.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated

from pydantic import Field, StringConstraints

from bot.errors import KnowledgeError
from bot.knowledge.files import FileModel, parse, parse_yaml, read_text
from bot.types import Route

COACHING = "coaching"
"""Name of the file with coaching questions that are easily mistaken for one of the routes."""
NEAR_MISS = "near_miss"
"""A second reply of the route `not_covered`: a manager's question that the articles do not answer."""


class RouteText(FileModel):
    """Reply and examples of one route in one language; the coaching counter-examples have no reply."""

    reply: str = ""
    examples: tuple[Annotated[str, StringConstraints(min_length=1, max_length=600)], ...] = Field(min_length=10)


class RouteFile(FileModel):
    """A file `data/routes/<name>.yaml`."""

    languages: dict[str, RouteText]


class Contact(FileModel):
    """Whom to turn to in one country, or where the country is unknown."""

    emergency: str
    helpline: str
    advice_line: str


class ContactFile(FileModel):
    """`data/contacts.yaml`: per language the default and per country; an organisation may replace it."""

    checked: datetime.date
    languages: dict[str, dict[str, Contact]]


@dataclass(frozen=True)
class RouteSet:
    """Every route's examples and replies. Keys are (name, language), names are `Route` values, near_miss and coaching."""

    examples: Mapping[tuple[str, str], tuple[str, ...]]
    replies: Mapping[tuple[str, str], str]

    def reply(self, name: str, language: str) -> str:
        """The vetted reply with the contacts filled in."""
        return self.replies[name, language]


def route_of(name: str) -> Route:
    """The route that a file's examples stand for."""
    if name == COACHING:
        return Route.COACH
    return Route.NOT_COVERED if name == NEAR_MISS else Route(name)


def load_routes(folder: Path, contacts: Path, country: str = "default") -> RouteSet:
    """Reads all routes.

    Args:
        country: which contacts to name; one that a language lacks falls back on its default.

    Raises:
        KnowledgeError: a file is missing, breaks the schema, or a reply names an unknown placeholder.
    """
    help_by_language = parse(ContactFile, parse_yaml(read_text(contacts), contacts), contacts).languages
    names = [route.value for route in Route if route is not Route.COACH] + [NEAR_MISS, COACHING]
    examples: dict[tuple[str, str], tuple[str, ...]] = {}
    replies: dict[tuple[str, str], str] = {}
    for name in names:
        path = folder / f"{name}.yaml"
        for language, text in parse(RouteFile, parse_yaml(read_text(path), path), path).languages.items():
            examples[name, language] = text.examples
            try:
                by_country = help_by_language[language]
                contact = by_country.get(country, by_country["default"])
                replies[name, language] = Template(text.reply).substitute(contact.model_dump())
            except (KeyError, ValueError) as error:
                raise KnowledgeError(f"{path}: {language}: the reply or {contacts} lacks {error}. Add it.") from error
    return RouteSet(examples, replies)
