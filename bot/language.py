"""Which language a text is written in, and the table of languages that the coach answers in.

Two detectors vote (eldc and py3langid, both offline); where they disagree on a short text, the language of the
conversation or of the interface decides. It knows nothing of cards, prompts or answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from bot.errors import KnowledgeError

FALLBACK = "en"
"""The answer's language when the question's has no cards."""
SURE_LETTERS = 12
"""A text with fewer letters does not settle a language against the conversation's."""
DETECTABLE = "da,de,en,es,fi,fr,it,nl,no,pl,pt,ru,sv,uk,cs,tr"
"""What a question may be in; detectors that may answer anything find Frisian in short Norwegian texts."""


@dataclass(frozen=True)
class Language:
    """One row of `data/languages.yaml`."""

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

    @classmethod
    def load(cls, path: Path) -> Languages:
        """Reads `languages.yaml`.

        Raises:
            KnowledgeError: the file is missing or a row lacks a field.
        """
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
            rows = {
                code: Language(
                    code,
                    tuple(row["detectors"]),
                    tuple(row["browser"]),
                    {other: re.compile(proof, re.IGNORECASE) for other, proof in row["neighbours"].items()},
                    re.compile("|".join(rf"\b{mark}\b" for mark in row["marks"]), re.IGNORECASE),
                    re.compile("|".join(rf"\b{wish}" for wish in row["wish"]), re.IGNORECASE),
                    row["stemmer"],
                    frozenset(row["negations"]),
                    frozenset(row["abbreviations"]),
                    frozenset(row["joining"]),
                )
                for code, row in raw.items()
            }
        except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
            raise KnowledgeError(f"{path} cannot be read: {error!r}. Restore it from the repository.") from error
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
        votes = [self._own(vote, text) for vote in self._votes(text)]
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
            likely = [code for code in marked if code in known] or [code for code in known if code == preferred] or known
            return Detected(likely[0], sure=False)
        if preferred and letters < 2 * SURE_LETTERS:
            return Detected(preferred, sure=False)
        return Detected(FALLBACK, sure=agreed, foreign=votes[0]) if votes else Detected(preferred or FALLBACK, sure=False)

    def _own(self, vote: str, text: str) -> str:
        """The language of the table that a vote stands for: its own, or the neighbour of one whose proof the text lacks."""
        if vote in self._by_detector:
            return self._by_detector[vote]
        for code, row in self.table.items():
            if vote in row.neighbours and not row.neighbours[vote].search(text):
                return code
        return vote

    def is_in(self, text: str, code: str) -> bool:
        """True when the text is in that language or cannot be told from it: at least one detector says so."""
        votes = [self._own(vote, text) for vote in self._votes(text)]
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
        detector.set_languages(DETECTABLE)
        return detector

    @cached_property
    def _identifier(self):  # type: ignore[no-untyped-def]
        import py3langid  # noqa: PLC0415

        py3langid.set_languages([*DETECTABLE.split(","), "nn"])
        return py3langid

    def _langid(self, text: str) -> str:
        code = str(self._identifier.classify(text)[0])
        return "no" if code in {"nb", "nn"} else code
