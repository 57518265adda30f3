"""Labelled examples of what is not a coaching question, each route's vetted reply, and the dated files of help contacts.

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
from bot.knowledge.files import FileModel, language_folders, parse, parse_yaml, read_text
from bot.types import Route

COACHING = "coaching"
"""Name of the file with coaching questions that are easily mistaken for one of the routes."""
NEAR_MISS = "near_miss"
"""A second reply of the route `not_covered`: a manager's question that the articles do not answer."""


class RouteFile(FileModel):
    """A file `data/languages/<code>/routes/<name>.yaml`; the coaching counter-examples have no reply."""

    reply: str = ""
    examples: tuple[Annotated[str, StringConstraints(min_length=1, max_length=600)], ...] = Field(min_length=10)


class Contact(FileModel):
    """Whom to turn to in one country, or where the country is unknown."""

    emergency: str
    helpline: str
    advice_line: str


Countries = dict[str, Contact]
"""By country code, with a `default`."""


class ContactFile(FileModel):
    """`data/languages/<code>/contacts.yaml`: `checked` is the day of the last review; look every entry up again before you rely on it."""

    checked: datetime.date
    countries: Countries


class OwnContactFile(FileModel):
    """An organisation's own contacts: per language and country. What it lacks is taken from the shipped files."""

    checked: datetime.date
    languages: dict[str, Countries]


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


def load_routes(languages: Path, own_contacts: Path | None = None, country: str = "default") -> RouteSet:
    """Reads the routes of all languages.

    Args:
        languages: `data/languages`.
        own_contacts: an organisation's own contacts (see OwnContactFile).
        country: which contacts to name; one that a language lacks falls back on its default.

    Raises:
        KnowledgeError: a file is missing, breaks the schema, or a reply names an unknown placeholder.
    """
    names = [route.value for route in Route if route is not Route.COACH] + [NEAR_MISS, COACHING]
    own = parse(OwnContactFile, parse_yaml(read_text(own_contacts), own_contacts), own_contacts).languages if own_contacts else {}
    examples: dict[tuple[str, str], tuple[str, ...]] = {}
    replies: dict[tuple[str, str], str] = {}
    for folder in language_folders(languages):
        contacts = folder / "contacts.yaml"
        by_country = {**parse(ContactFile, parse_yaml(read_text(contacts), contacts), contacts).countries, **own.get(folder.name, {})}
        for name in names:
            path = folder / "routes" / f"{name}.yaml"
            text = parse(RouteFile, parse_yaml(read_text(path), path), path)
            examples[name, folder.name] = text.examples
            try:
                contact = by_country.get(country, by_country["default"])
                replies[name, folder.name] = Template(text.reply).substitute(contact.model_dump())
            except (KeyError, ValueError) as error:
                raise KnowledgeError(f"{path}: the reply or {contacts} lacks {error}. Add it.") from error
    return RouteSet(examples, replies)
