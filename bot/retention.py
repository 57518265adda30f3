"""What is stored about people, where, for how long, and deleting it: after its days by a job, or all of it now.

One file a day under each store's folder, `2026-11-22.jsonl` (UTC), so that a day is deleted whole and nothing is rewritten.
Whoever stores something of people adds a store here; the privacy sheet and `run.py forget` know no others. It knows nothing of
what the records hold.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.config import Settings
from bot.errors import RetentionError

log = logging.getLogger(__name__)

LOOK_SECONDS = 3600.0
"""How often the job looks whether a day is over."""


@dataclass(frozen=True)
class Store:
    """A folder of day files. `days`: how long a record is kept, the day it was written not counted."""

    name: str
    folder: Path
    on: bool
    """False: nothing is written now; what an earlier setting left is still expired."""
    days: int

    def keep(self, record: Mapping[str, Any]) -> None:
        """Appends a record to today's file, readable by the program's own user only.

        Raises:
            OSError: it could not be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        line = json.dumps(record, ensure_ascii=False) + "\n"
        handle = os.open(self.folder / f"{today()}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab", buffering=0) as file:
            file.write(line.encode(errors="replace"))  # one write: lines of two processes do not mix

    def files(self) -> list[Path]:
        """Everything in the folder, oldest first."""
        return sorted(path for path in self.folder.rglob("*") if not path.is_dir())

    def expired(self, now: date) -> Iterator[Path]:
        """Files whose days are over; one without a date in its name is judged by when it was last written."""
        limit = now - timedelta(days=self.days)
        return (path for path in self.files() if _day(path) < limit)


def stores(settings: Settings) -> tuple[Store, ...]:
    """Every place where something about people may be stored."""
    return (Store("feedback", settings.home / "feedback", settings.feedback, settings.feedback_days),)


def today() -> date:
    """The day that is written into file names."""
    return datetime.now(UTC).date()


def expire(settings: Settings, now: date | None = None) -> int:
    """Deletes what has been kept for its days.

    Returns:
        files deleted.

    Raises:
        RetentionError: something could not be deleted; the rest was.
    """
    return _delete(path for store in stores(settings) for path in store.expired(now or today()))


def forget(settings: Settings) -> dict[str, int]:
    """Deletes all that is stored about people.

    Returns:
        files deleted, by store.

    Raises:
        RetentionError: something is still there.
    """
    deleted = {store.name: _delete(iter(store.files())) for store in stores(settings)}
    left = [path for store in stores(settings) for path in store.files()]
    if left:
        raise RetentionError(f"{len(left)} files are there again, the first: {left[0]}. Stop the chat and run it again.")
    return deleted


def keep_expiring(settings: Settings, ended: threading.Event, every: float = LOOK_SECONDS) -> threading.Thread:
    """The job: expires at once and then whenever `every` seconds have passed, until `ended` is set."""

    def work() -> None:
        while True:
            try:
                if count := expire(settings):
                    log.info("expired records deleted", extra={"files": count})
            except RetentionError as error:
                log.error("expired records not deleted", extra={"reason": str(error)})
            if ended.wait(every):
                return

    thread = threading.Thread(target=work, name="retention", daemon=True)
    thread.start()
    return thread


def _day(path: Path) -> date:
    try:
        return date.fromisoformat(path.name[:10])
    except ValueError:
        try:
            return datetime.fromtimestamp(path.lstat().st_mtime, UTC).date()
        except OSError:  # deleted by another process just now
            return date.max


def _delete(paths: Iterator[Path]) -> int:
    count, failures = 0, []
    for path in paths:
        try:
            path.unlink(missing_ok=True)
            count += 1
        except OSError as error:
            failures.append(f"{path}: {error.strerror}")
    if failures:
        raise RetentionError(f"{len(failures)} files could not be deleted, the first: {failures[0]}. Check the folder's permissions.")
    return count
