"""Guessing the completion's next tokens from the sentences that it will probably say. Knows tokens only, no model.

The model mostly says again the sentences that it was given, in their order, so the guess is what stands there next (prompt lookup
decoding, Saxena 2023, with a place kept in the text). A wrong guess costs time, never a word: the model verifies every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

AFTER_A_MISS = 15
"""Most tokens guessed right after a wrong guess: with the token before them a batch of 16."""


class Drafts:
    """The expected sentences and the place in them that the completion has reached."""

    def __init__(self, sentences: Sequence[Sequence[int]]) -> None:
        """Args:
        sentences: tokens of each sentence, in the order in which they are expected.
        """
        self._text = [token for sentence in sentences for token in sentence]
        self._starts = {0, *accumulate(len(sentence) for sentence in sentences)}
        self._place = 0
        self._lost = False
        self._missed = False
        self._recent = -1

    def take(self, tokens: Sequence[int]) -> None:
        """The completion went on with these tokens."""
        for token in tokens:
            found = self._find(token)
            self._lost = found is None
            self._missed |= found != self._place
            if found is not None:
                self._place = found + 1
            self._recent = token

    def guess(self, longest: int) -> list[int]:
        """At most `longest` tokens that probably come next."""
        if self._lost:
            return []
        reach = min(longest, AFTER_A_MISS) if self._missed else longest
        self._missed = False
        return self._text[self._place : self._place + reach]

    def _find(self, token: int) -> int | None:
        """Where the text says this token: at the place, else where a sentence begins with it or where it follows the same token.

        Places further on come first.
        """
        text = self._text
        if not self._lost and text[self._place : self._place + 1] == [token]:
            return self._place
        same = (at for at, other in enumerate(text) if other == token and (at in self._starts or text[at - 1] == self._recent))
        return min(same, key=lambda at: (at < self._place, at), default=None)
