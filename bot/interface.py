"""The interface's texts: `interface.yaml` in each folder of data/languages.

Used by the page, the answers' fixed phrases and the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from bot.errors import KnowledgeError
from bot.knowledge.files import parse_yaml, read_text


@dataclass(frozen=True)
class Interface:
    """All texts of one language, by key."""

    language: str
    texts: Mapping[str, str]
    questions: tuple[str, ...]
    """Example questions for the first screen."""

    def __getitem__(self, key: str) -> str:
        return self.texts[key]

    def format(self, key: str, **values: Any) -> str:
        """The text with its placeholders filled in; inserted text is inert."""
        return self.texts[key].format(**values)


def load_interfaces(folder: Path, languages: Sequence[str]) -> dict[str, Interface]:
    """Reads every language's file.

    Raises:
        KnowledgeError: a language lacks a key or placeholder that another has.
    """
    loaded: dict[str, Interface] = {}
    for code in languages:
        path = folder / code / "interface.yaml"
        raw = parse_yaml(read_text(path), path)
        try:
            questions = tuple(str(question) for question in raw.pop("questions"))
            loaded[code] = Interface(code, {key: str(value) for key, value in raw.items()}, questions)
        except (AttributeError, KeyError, TypeError) as error:
            raise KnowledgeError(f"{path} lacks {error}. Compare it with another language's.") from error
    first = loaded[languages[0]]
    for code, interface in loaded.items():
        for key in first.texts.keys() | interface.texts.keys():
            here, there = interface.texts.get(key), first.texts.get(key)
            if here is None or there is None or _fields(here) != _fields(there):
                raise KnowledgeError(
                    f"{folder}: '{key}' differs between {first.language} and {code} (missing, or other placeholders). Mend it."
                )
    return loaded


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}
