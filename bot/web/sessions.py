"""Forgets conversations that nobody goes on with.

Gradio keeps what it last sent to a page, the conversation in it, until ten thousand pages later; here it goes after `KEPT_HOURS`.
It knows Gradio's store of sessions, and nothing of what is in it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

KEPT_HOURS = 2
"""Hours that a conversation is kept after the page last called."""
LOOK_SECONDS = 60.0


class Held(Protocol):
    """Gradio's store of sessions (gradio.state_holder.StateHolder)."""

    lock: threading.Lock
    time_last_used: dict[str, datetime]

    @property
    def session_data(self) -> MutableMapping[str, Any]:
        """What each session holds."""
        ...


def forget(held: Held, now: datetime) -> int:
    """Drops all that is known of sessions unused for `KEPT_HOURS`; returns how many."""
    limit = now - timedelta(hours=KEPT_HOURS)
    with held.lock:
        over = [session for session, used in held.time_last_used.items() if used < limit]
        for session in over:
            held.time_last_used.pop(session, None)
            held.session_data.pop(session, None)
    return len(over)


@asynccontextmanager
async def forgetting(held: Held, every: float = LOOK_SECONDS) -> AsyncIterator[None]:
    """Looks now and then as long as the block runs."""

    async def work() -> None:
        while True:
            forget(held, datetime.now())  # Gradio's clock: local time
            await asyncio.sleep(every)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
