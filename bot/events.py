"""What an answer says of itself on its way: cards, place in the line, checked sentences, and the whole answer as the last event.

Whoever shows answers reads these; only `bot.coach` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.types import Answer, CardView, Question, Route


@dataclass(frozen=True)
class Cards:
    """First event: what the answer will rest on. Empty where a vetted reply answers."""

    language: str
    route: Route
    cards: tuple[CardView, ...]


@dataclass(frozen=True)
class Sentence:
    """One checked sentence. `paragraph` starts a new paragraph before it."""

    text: str
    paragraph: bool = False


@dataclass(frozen=True)
class Waiting:
    """The model has not begun to word the answer: how many are before, and the seconds until it is whole (0: not known)."""

    ahead: int
    seconds: float


@dataclass(frozen=True)
class Done:
    """Last event: the whole answer."""

    answer: Answer


Event = Cards | Waiting | Sentence | Done
Ask = Callable[[Question, Callable[[], bool]], Iterator[Event]]
"""How the page and the interface ask: `Coach.ask`, or something around it."""


def never() -> bool:
    """For callers that do not cancel."""
    return False


def join(sentences: Sequence[Sentence]) -> str:
    """The answer's text: sentences with spaces between them, paragraphs with an empty line."""
    text = ""
    for sentence in sentences:
        text += ("\n\n" if sentence.paragraph else " ") + sentence.text if text else sentence.text
    return text
