"""The check: which sentences of the model may be shown, with which number. What fails is dropped, with the reason.

It decides sentence by sentence, in order, and knows nothing of how sentences were made or how they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer.support import Features, Support
from bot.language import Languages
from bot.prompt import Advice, marked
from bot.text import MARKER, words
from bot.types import Dropped

_MARKUP = re.compile(r"[<>`|{}\\\[\]]|https?:|www\.|\S@\S|^\s*(?:#|[-*•]\s)|\*\*|__|\w\.(?:com|org|net|info|io)\b")
_SIGN = re.compile(r"[^\w\s.,:;!?¿¡…()\"'’‘«»„“”–—-]|_")
"""What is neither a word nor common punctuation: symbols, marks on letters, directions, invisible characters."""
_MEANT = 0.5
"""Share of common words from which a source is what the sentence meant to say, so that a wrong number or negation is the reason."""
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
        bare = " ".join(MARKER.sub("", sentence).split())
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
        if not features.supported():
            return Dropped(sentence, features.obstacle if features.obstacle and features.share > _MEANT else "support")
        if not set(_SIGN.findall(bare)) <= set(self._advice[best].text):
            return Dropped(sentence, "markup")
        verbatim = spoken <= set(words(self._advice[best].text))
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


def _rank(features: Features) -> tuple[bool, float, float]:
    return features.supported(), features.share, features.order
