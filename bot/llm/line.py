"""The line before the model: first come, first served, with each one's place and how long it will take at the pace of late.

It knows nothing of models or prompts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from statistics import median

from bot.errors import ModelBusyError
from bot.llm.protocol import Place

REMEMBERED = 15
"""Completions whose times make the estimate."""
LOOK_SECONDS = 0.1
"""How often one who waits looks whether it was stopped."""


class Line:
    """Who waits for the model, and who has it. Safe to use from several threads."""

    def __init__(self, size: int, longest: float) -> None:
        """Args:
        size: how many may wait.
        longest: seconds that one who is not patient may have to wait.
        """
        self._size = size
        self._longest = longest
        self._line: deque[object] = deque()
        self._moved = threading.Condition()
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    def __len__(self) -> int:
        return len(self._line)

    def join(self, *, patient: bool = False) -> object:
        """A ticket at the end of the line; whoever has one has to `leave`.

        Raises:
            ModelBusyError: as many wait as may, or the wait would be too long for one who is not patient.
        """
        ticket = object()
        with self._moved:
            if len(self._line) > self._size:
                raise ModelBusyError(
                    f"{len(self._line)} questions are waiting for the model, as many as its queue takes. Try again shortly."
                )
            wait = self.expected(len(self._line) - 1) if self._line else 0.0
            if wait > self._longest and not patient:
                raise ModelBusyError(f"The model would be free in {wait:.0f} s; {self._longest:.0f} s are allowed. Try again shortly.")
            self._line.append(ticket)
        return ticket

    def leave(self, ticket: object) -> None:
        """Makes room for the next."""
        with self._moved:
            self._line.remove(ticket)
            self._moved.notify_all()

    def places(self, ticket: object, stopped: Callable[[], bool]) -> Iterator[Place]:
        """Each place on the way to the front, the front last; ends without it when stopped."""
        told = -1
        while not stopped():
            with self._moved:
                ahead = self._line.index(ticket)
                if ahead == told:
                    self._moved.wait(LOOK_SECONDS)
                    continue
            told = ahead
            yield Place(ahead, self.expected(ahead))
            if ahead == 0:
                return

    def expected(self, ahead: int) -> float:
        """Seconds until the completion behind so many others is whole; 0 while nothing was measured."""
        return (ahead + 1) * median(self._seconds) if self._seconds else 0.0

    def note(self, began: float) -> None:
        """A completion took from `began` (`time.monotonic()`) until now."""
        self._seconds.append(time.monotonic() - began)
