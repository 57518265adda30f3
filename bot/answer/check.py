"""The check: which sentences of the model may be shown, with which number. What fails is dropped, with the reason.

It decides sentence by sentence, in order, and knows nothing of how sentences were made or how they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer.support import THRESHOLD, Features, Support
from bot.language import Languages
from bot.prompt import Advice, marked
from bot.text import MARKER, words
from bot.types import Dropped

_MARKUP = re.compile(r"[<>`|{}\\]|\]\(|!\[|https?:|www\.|\S@\S|^\s*(?:#|[-*•]\s)|\*\*|__|\w\.(?:com|org|net|info|io)\b")
_VERBATIM = 0.97
"""Overlap and order from which a sentence counts as the vetted one itself, whose language needs no second look."""
_REPEATED = 0.9
"""Share of a sentence's words that an earlier one already had."""


@dataclass(frozen=True)
class Passed:
    """A sentence that may be shown, its marker set, and the vetted sentence that supports it."""

    text: str
    n: int
    source: int


class SentenceCheck:
    """Checks the sentences of one answer."""

    def __init__(self, languages: Languages, language: str, support: Support, advice: Sequence[Advice], shown: Sequence[str]) -> None:
        """Args:
        advice: the vetted sentences that the model was given; sentences are supported by them or not at all.
        shown: what the reader already sees, such as the opening: saying it again is a repetition.
        """
        self._languages = languages
        self._language = language
        self._support = support
        self._advice = list(advice)
        self._shown = [set(words(text)) for text in shown]
        self._used: set[int] = set()

    def check(self, sentence: str) -> Passed | Dropped:
        """One complete sentence."""
        bare = MARKER.sub("", sentence).strip()
        spoken = set(words(bare))
        if not spoken:
            return Dropped(sentence, "empty")
        if _MARKUP.search(bare):
            return Dropped(sentence, "markup")
        if any(len(spoken & shown) >= _REPEATED * len(spoken) for shown in self._shown):
            return Dropped(sentence, "repetition")
        measured = [self._support.measure(bare, piece.text) for piece in self._advice]
        best = max(range(len(measured)), key=lambda n: _rank(measured[n]), default=None)
        if best is None:
            return Dropped(sentence, "support")
        features = measured[best]
        if features.obstacle is not None:
            return Dropped(sentence, features.obstacle)
        if features.probability < THRESHOLD:
            return Dropped(sentence, "support")
        verbatim = min(features.overlap, features.order) >= _VERBATIM
        if not verbatim and not self._languages.is_in(bare, self._language):
            return Dropped(sentence, "language")
        if best in self._used:
            return Dropped(sentence, "repetition")
        self._used.add(best)
        self._shown.append(spoken)
        return Passed(marked(bare, self._advice[best].n), self._advice[best].n, best)

    @property
    def unused(self) -> list[Advice]:
        """The vetted sentences that no shown sentence rests on, in their order."""
        return [piece for n, piece in enumerate(self._advice) if n not in self._used]


def _rank(features: Features) -> tuple[bool, float]:
    return features.obstacle is None, features.probability
