"""Wordings that tell what a question is: premises, second questions, words that point back; `cues` in each language's `language.yaml`.

It knows no embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bot.errors import KnowledgeError
from bot.knowledge.files import language_folders, parse_yaml, read_text

PARTS = 3
"""A longer question is scored by at most this many parts of itself too: each costs one more embedding."""
PART_WORDS = 3
"""Shorter parts say nothing by themselves."""
SENTENCE_BREAK = re.compile(r"(?<=[.!?…;])\s+|\n+|\s+[–—]\s+")


@dataclass(frozen=True)
class Cues:
    """Wordings per language, from each language's `language.yaml`.

    Attributes:
        premise: what says that something is the articles' advice («since you recommend»).
        also: what starts a second question within a sentence («, and which»).
        alarm: what is always a crisis.
        follow: what points back to an earlier turn («and if he», «does that»).
    """

    premise: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    also: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    follow: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    alarm: Mapping[str, re.Pattern[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Mapping[str, Mapping[str, Sequence[str]]]) -> Cues:
        """Compiles the lists `premise`, `also`, `follow` and `alarm` of each language; a missing list finds nothing.

        Args:
            rows: by language code; regular expressions without case.
        """

        def compiled(key: str, pattern: str) -> dict[str, re.Pattern[str]]:
            lists = {code: "|".join(row[key]) for code, row in rows.items() if row.get(key)}
            return {code: re.compile(pattern.format(joined), re.IGNORECASE) for code, joined in lists.items()}

        word = r"\b(?:{})(?!\w)"
        return cls(compiled("premise", word), compiled("also", "{}"), compiled("follow", "{}"), compiled("alarm", word))

    @classmethod
    def load(cls, folder: Path) -> Cues:
        """Reads the languages' cues.

        Raises:
            KnowledgeError: it is missing, or a pattern is no regular expression.
        """
        rows = {}
        for language in language_folders(folder):
            path = language / "language.yaml"
            try:
                rows[language.name] = parse_yaml(read_text(path), path)["cues"]
                cls.of({language.name: rows[language.name]})
            except (re.error, AttributeError, KeyError, TypeError) as error:
                raise KnowledgeError(f"{path}: cues: {error}. Correct that pattern.") from error
        return cls.of(rows)

    def points_back(self, text: str, language: str) -> bool:
        """True when the text has a word that only an earlier turn explains."""
        return language in self.follow and self.follow[language].search(text) is not None

    def alarming(self, text: str) -> bool:
        """True when the text speaks of a danger to life, in whatever language it is."""
        return any(pattern.search(text) for pattern in self.alarm.values())

    def asks_also(self, text: str, language: str) -> bool:
        """True when the text joins a second question to the first."""
        return language in self.also and self.also[language].search(text) is not None

    def claim(self, text: str, language: str) -> str | None:
        """The text without its words of premise; None when it has none or nothing is left."""
        pattern = self.premise.get(language)
        if pattern is None or not pattern.search(text):
            return None
        claim = " ".join(pattern.sub(" ", text).split())
        return claim if len(claim.split()) >= PART_WORDS else None

    def parts(self, text: str, language: str) -> list[str]:
        """Sentences and joined questions of a text, at most `PARTS`; empty when it is one."""
        pieces = SENTENCE_BREAK.split(text)
        if language in self.also:
            pieces = [part for piece in pieces for part in self.also[language].split(piece)]
        pieces = [piece for piece in pieces if len(piece.split()) >= PART_WORDS]
        while len(pieces) > PARTS:
            lengths = [len(first) + len(second) for first, second in pairwise(pieces)]
            n = lengths.index(min(lengths))
            pieces[n : n + 2] = [f"{pieces[n]} {pieces[n + 1]}"]
        return pieces if len(pieces) > 1 else []
