"""Answers that were given a while ago, for the same question asked again: shown at once instead of worded anew.

In memory only, bounded, and without the question: an answer is found by a keyed hash whose key dies with the process, and holds
vetted or checked sentences. Only short first questions are remembered, not those of a conversation. Whoever types the very words
that somebody else typed within the hour can tell so by the speed of the answer; that is why long questions, which tell a story,
are not remembered, and why it can be switched off (`answer_cache`).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from hashlib import blake2b

from bot.coach import Coach
from bot.events import Ask, Cards, Done, Event, Sentence
from bot.types import Answer, Question, Route, Timings

SIZE = 256
"""Answers kept; the one that was not asked for longest goes first."""
LONGEST = 160
"""Characters of a question that may be remembered."""
SECONDS = 3600.0
"""How long an answer is kept."""
NOTE = "cached"
_INCOMPLETE = {"stopped", "model_busy", "model_away", "model_failed", "model_slow"}


class AnswerCache:
    """Answers by question, language, index generation and model. Safe to use from several threads."""

    def __init__(self, size: int = SIZE, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[float, tuple[Event, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def remembering(self, coach: Coach) -> Ask:
        """The coach's way to ask, with answers that are remembered."""

        def ask(question: Question, stopped: Callable[[], bool]) -> Iterator[Event]:
            began = time.perf_counter()
            question = coach.validated(question)
            key = self._key(question, coach)
            known = self._find(key) if key is not None else None
            if known is not None:
                yield from _again(known, question, began)
                return
            events = []
            for event in coach.ask(question, stopped):
                events.append(event)
                yield event
            if key is not None and _complete(events[-1]):
                self._keep(key, events)

        return ask

    def _key(self, question: Question, coach: Coach) -> bytes | None:
        """None for what is not remembered."""
        model = coach.generator
        if model is None or not model.ready or question.history or len(question.text) > LONGEST:
            return None
        about = [question.text, question.language, question.interface, coach.index.generation, model.name]
        return blake2b(json.dumps(about).encode(), key=self._secret, digest_size=32).digest()

    def _find(self, key: bytes) -> tuple[Event, ...] | None:
        with self._lock:
            since, events = self._kept.get(key, (0.0, ()))
            if events and self._clock() - since > self._seconds:
                del self._kept[key]
                return None
            if events:
                self._kept.move_to_end(key)
            return events or None

    def _keep(self, key: bytes, events: Sequence[Event]) -> None:
        """Keeps cards, sentences and the answer, without the question and what the check held back."""
        kept = [_without_question(event) for event in events if isinstance(event, Cards | Sentence | Done)]
        with self._lock:
            self._kept[key] = self._clock(), tuple(kept)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


def _complete(event: Event) -> bool:
    """Whether an answer may be given again: the model took part and nothing cut it short."""
    return isinstance(event, Done) and event.answer.route is Route.COACH and not _INCOMPLETE & set(event.answer.notes)


def _without_question(event: Event) -> Event:
    return Done(replace(event.answer, id="", question="", dropped=())) if isinstance(event, Done) else event


def _again(events: Sequence[Event], question: Question, began: float) -> Iterator[Event]:
    for event in events:
        yield Done(_answer(event.answer, question, began)) if isinstance(event, Done) else event


def _answer(answer: Answer, question: Question, began: float) -> Answer:
    """The remembered answer to this question, with the times of this time."""
    elapsed = (time.perf_counter() - began) * 1000
    timings = Timings(first_card_ms=elapsed, first_sentence_ms=elapsed, total_ms=elapsed)
    return replace(answer, id=question.id, question=question.text, notes=(*answer.notes, NOTE), timings=timings)
