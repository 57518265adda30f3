"""Which language a text is written in, and the table of languages that the coach answers in: one folder each in data/languages.

Two detectors vote (eldc and py3langid, both offline); where they disagree on a short text, the language of the
conversation or of the interface decides. It knows nothing of cards, prompts or answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bot.errors import KnowledgeError

FALLBACK = "en"
"""The answer's language when the question's has no cards."""
SURE_LETTERS = 12
"""A text with fewer letters does not settle a language against the conversation's."""
DETECTABLE = ("cs", "da", "de", "en", "es", "fi", "fr", "it", "nl", "no", "pl", "pt", "ru", "sv", "tr", "uk")
"""What a question may be in besides the table's languages; detectors that may answer anything find Frisian in short Norwegian texts."""
VARIANTS = {"nb", "nn"}
"""Codes that only one of the detectors knows."""


@dataclass(frozen=True)
class Language:
    """One language: `data/languages/<code>/language.yaml` (all regular expressions are without case).

    Attributes:
        detectors: the codes that the language detectors use for it.
        browser: the tags by which browsers name it.
        neighbours: languages that detectors take it for, each with an expression that a text has to match to be that neighbour.
        marks: words by which a short text shows this language.
        wish: ways to ask, in any language of the table, for an answer in this one.
        stemmer: name of its Snowball stemmer.
        negations: words that turn a sentence into its opposite.
        abbreviations: end in a full stop that ends no sentence.
        joining: words that link or turn a sentence without adding to what it says.
    """

    code: str
    detectors: tuple[str, ...]
    browser: tuple[str, ...]
    neighbours: Mapping[str, re.Pattern[str]]
    marks: re.Pattern[str]
    wish: re.Pattern[str]
    stemmer: str
    negations: frozenset[str]
    abbreviations: frozenset[str]
    joining: frozenset[str]


@dataclass(frozen=True)
class Detected:
    """Outcome of a detection: `code` is a language of the table; `foreign` is the code found when it has no cards."""

    code: str
    sure: bool
    foreign: str | None = None


class Languages:
    """The table of languages and the detectors restricted to plausible ones."""

    def __init__(self, table: Mapping[str, Language]) -> None:
        self.table = dict(table)
        self._by_detector = {name: code for code, row in self.table.items() for name in row.detectors}
        self._detectable = sorted({*DETECTABLE, *self._by_detector} - VARIANTS)

    @classmethod
    def load(cls, folder: Path) -> Languages:
        """Reads `<code>/language.yaml` of every language in a folder.

        Raises:
            KnowledgeError: there is none, or one cannot be read or lacks a field.
        """
        paths = sorted(folder.glob("*/language.yaml"))
        if not paths:
            raise KnowledgeError(f"{folder} holds no language (<code>/language.yaml). Restore it from the repository.")
        raw = {path.parent.name: _read(path) for path in paths}
        rows = {}
        for path, (code, row) in zip(paths, raw.items(), strict=True):
            try:
                wishes = [ways["wishes"][code] for ways in raw.values() if code in ways["wishes"]]
                rows[code] = Language(
                    code,
                    tuple(row["detectors"]),
                    tuple(row["browser"]),
                    {other: re.compile(proof, re.IGNORECASE) for other, proof in row["neighbours"].items()},
                    re.compile("|".join(rf"\b{mark}\b" for mark in row["marks"]), re.IGNORECASE),
                    re.compile("|".join(rf"\b{wish}" for wish in wishes), re.IGNORECASE),
                    row["stemmer"],
                    frozenset(row["negations"]),
                    frozenset(row["abbreviations"]),
                    frozenset(row["joining"]),
                )
            except (KeyError, TypeError, AttributeError, re.error) as error:
                raise KnowledgeError(f"{path} cannot be used: {error!r}. Compare it with another language's.") from error
        return cls(rows)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the languages with cards, in the table's order."""
        return tuple(self.table)

    def wish(self, text: str) -> str | None:
        """The language that the text asks to be answered in («auf Deutsch bitte»), if any; the last one named wins."""
        found = [(match.start(), code) for code, row in self.table.items() for match in row.wish.finditer(text)]
        return max(found)[1] if found else None

    def from_browser(self, accept_language: str) -> str:
        """The first language of an Accept-Language header that has cards, else the fallback."""
        for part in accept_language.split(","):
            tag = part.split(";")[0].strip().lower().split("-")[0]
            for code, row in self.table.items():
                if tag in row.browser:
                    return code
        return FALLBACK

    def detect(self, text: str, prefer: Sequence[str] = ()) -> Detected:
        """The language of a question.

        Args:
            text: the question.
            prefer: languages to fall back on when the text is too short to tell, the most likely first
                (the conversation's, then the interface's).
        """
        letters = sum(character.isalpha() for character in text)
        preferred = next((code for code in prefer if code in self.table), None)
        votes = [self._own(vote, text, preferred) for vote in self._votes(text)]
        known = [vote for vote in votes if vote in self.table]
        marked = [code for code, row in self.table.items() if row.marks.search(text)]
        agreed = len(set(votes)) == 1
        if letters < SURE_LETTERS:
            certain = [code for code in marked if code in known] or (marked if len(marked) == 1 else [])
            wanted = [preferred] if preferred is not None else []
            choices = [*(code for code in wanted if not marked or code in marked), *certain, *marked, *wanted, *known, FALLBACK]
            return Detected(choices[0], sure=False)
        if known and agreed:
            return Detected(known[0], sure=True)
        if known:
            likely = [code for code in marked if code == preferred] or [code for code in marked if code in known]
            likely = likely or [code for code in known if code == preferred] or known
            return Detected(likely[0], sure=False)
        if preferred and letters < 2 * SURE_LETTERS:
            return Detected(preferred, sure=False)
        return Detected(FALLBACK, sure=agreed, foreign=votes[0]) if votes else Detected(preferred or FALLBACK, sure=False)

    def _own(self, vote: str, text: str, preferred: str | None = None) -> str:
        """The language of the table that a vote stands for: the vote's own, or the neighbour of one whose proof the text lacks.

        Where both are in the table and neither is proven, the preferred one holds, else the vote.
        """
        own = self._by_detector.get(vote, vote)
        for code, row in self.table.items():
            unproven = vote in row.neighbours and code != own and not row.neighbours[vote].search(text)
            if unproven and (own not in self.table or code == preferred or any(self._proves(own, name, text) for name in row.detectors)):
                return code
        return own

    def _proves(self, code: str, neighbour: str, text: str) -> bool:
        """True when the text holds what proves that it is not in `code` but in a neighbour of it."""
        proofs = self.table[code].neighbours
        return neighbour in proofs and proofs[neighbour].search(text) is not None

    def is_in(self, text: str, code: str) -> bool:
        """True when the text is in that language or cannot be told from it: at least one detector says so."""
        votes = [self._own(vote, text, code) for vote in self._votes(text)]
        return not votes or code in votes

    def line_language(self, line: str) -> str:
        """What eldc alone says of a line, as a code of the table where it has one; `und` for no letters.

        Used by the evaluation (line pass rate of the Language Confusion Benchmark), not by the answer's check.
        """
        if not any(character.isalpha() for character in line):
            return "und"
        found = str(self._eldc.detect(line))
        return self._by_detector.get(found, found)

    def _votes(self, text: str) -> list[str]:
        first = str(self._eldc.detect(text))
        second = self._langid(text)
        return [vote for vote in (second, first) if vote and vote != "und"]

    @cached_property
    def _eldc(self):  # type: ignore[no-untyped-def]
        import eldc  # noqa: PLC0415 - 70 MB of n-grams, loaded at the first question

        eldc.init()
        detector = eldc.instance()
        detector.set_languages(",".join(self._detectable))
        return detector

    @cached_property
    def _identifier(self):  # type: ignore[no-untyped-def]
        import py3langid  # noqa: PLC0415

        py3langid.set_languages([*self._detectable, "nn"])
        return py3langid

    def _langid(self, text: str) -> str:
        code = str(self._identifier.classify(text)[0])
        return "no" if code in {"nb", "nn"} else code


def _read(path: Path) -> dict[str, Any]:
    try:
        row: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KnowledgeError(f"{path} cannot be read: {error}. Restore it from the repository.") from error
    return row
