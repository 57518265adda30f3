"""How far one sentence is supported by another: what the check's verdict rests on.

A sentence is supported when it adds nothing: every word that carries meaning stands in the source in the same form (a small model's
inflections are often wrong), in the source's order, with the same negations, numbers and names, and the embeddings agree. Free
rewording is refused: on 400 labelled pairs neither word overlap nor embedding told it from exaggeration (docs/LOG.md). The limits
were chosen on the dev half of data/eval/support.jsonl; the curve is in docs/CHECK.md (`python run.py eval support`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from bot.knowledge.embedding import Embedder
from bot.language import Language
from bot.text import MARKER, figures, negations, numbers, stems, words

ORDER = 0.94
"""Least share of the common words that stand in the source's order."""
KEPT = 1.0
"""Least share of the source's meaning-carrying words that the sentence says: without one it may have lost its subject or its point."""
COSINE = 0.90
"""Least cosine of the embeddings (multilingual-e5-small: unrelated sentences of a language have about 0.83)."""


@dataclass(frozen=True)
class Features:
    """What was measured of a sentence against one source."""

    added: int
    """Meaning-carrying words that the source does not have."""
    share: float
    """Share of the sentence's meaning-carrying words that the source has."""
    kept: float
    """Share of the source's meaning-carrying words that the sentence has."""
    order: float
    """Share of the words in common that stand in the source's order (longest common subsequence)."""
    cosine: float
    obstacle: str | None
    """What may never differ and does: number, name or negation."""

    def supported(self, order: float = ORDER, cosine: float = COSINE) -> bool:
        """The verdict at these limits."""
        return self.obstacle is None and self.added == 0 and self.kept >= KEPT and self.order >= order and self.cosine >= cosine


class Support:
    """Measures sentences of one language against sources."""

    def __init__(self, language: Language, vetted: Iterable[str], embedder: Embedder) -> None:
        """Args:
        vetted: all vetted sentences of the language; a capitalised word that none of them has is taken for a name.
        """
        self._language = language
        self._vetted = list(vetted)
        self._vector = lru_cache(maxsize=2000)(lambda text: embedder.queries([text])[0])

    def measure(self, sentence: str, source: str) -> Features:
        """Compares a sentence with one source."""
        spoken, given = words(sentence), words(source)
        carrying = [word for word in spoken if word not in self._language.joining]
        held = set(given)
        added = sum(word not in held for word in carrying)
        common = [word for word in spoken if word in held]
        meant = {word for word in given if word not in self._language.joining}
        kept = len(meant & set(spoken)) / len(meant) if meant else 1.0
        order = common_subsequence(common, given) / len(common) if common else 0.0
        share = 1 - added / len(carrying) if carrying else 0.0
        cosine = float(self._vector(MARKER.sub("", sentence)) @ self._vector(source)) if share >= 0.5 else 0.0
        return Features(added, share, kept, order, cosine, self._obstacle(sentence, source))

    def _obstacle(self, sentence: str, source: str) -> str | None:
        if not (numbers(sentence) <= numbers(source) and figures(sentence) <= figures(source)):
            return "number"
        if self._names(sentence) - set(words(source)):
            return "name"
        if negations(sentence, self._language) != negations(source, self._language):
            return "negation"
        return None

    def _names(self, sentence: str) -> set[str]:
        """Capitalised words inside the sentence that no vetted sentence of the language has in any form."""
        inside = MARKER.sub("", sentence).split()[1:]
        bare = [word.strip("«»„“”\"'’(),.:;!?–—") for word in inside]
        capital = [word for word in bare if word[:1].isupper()]
        return {word.lower() for word in capital if not self._known.issuperset(stems(word, self._language))}

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(stem for sentence in self._vetted for stem in stems(sentence, self._language))


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest sequence of words that stands in both in the same order."""
    best = [0] * (len(second) + 1)
    for word in first:
        diagonal = 0
        for column, other in enumerate(second, start=1):
            above = best[column]
            best[column] = diagonal + 1 if word == other else max(above, best[column - 1])
            diagonal = above
    return best[-1]
