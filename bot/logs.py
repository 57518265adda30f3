"""Log lines that hold nothing of people: no question, no answer, no name, no path of a user.

Messages of our own are constant texts; what changes stands in `extra` and is a state, a number or the text of a `BotError`.
Of an exception the type and the places in the code are told, never its message: that may quote what it failed on. For the
same reason libraries' own messages are left out, and tracebacks that they would print are logged instead.
It knows nothing of who logs what.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

try:
    import resource
except ImportError:  # Windows has neither the module nor core dumps
    resource = None  # type: ignore[assignment]

SPEAK = ("bot", "uvicorn")
"""Loggers whose messages are constant texts."""
UNSAID = "a library's message, left out: it may quote what it worked on"
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
_ROOT = Path(__file__).resolve().parent.parent

log = logging.getLogger(__name__)


def set_up(style: Literal["plain", "json"], home: Path) -> None:
    """Sends every log line of the program to standard error, and what would be printed past the logging too.

    Args:
        style: for people, or one JSON object a line.
        home: called BOT_HOME where it stands in a reason.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Lines(style, {str(home): "BOT_HOME", str(Path.home()): "~"}))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("bot").setLevel(logging.INFO)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # libraries' notes to developers
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
    sys.unraisablehook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
    traceback.print_exc = _printed  # Gradio prints the exceptions of its events with it


def leave_no_dumps() -> None:
    """A crash of this process or its children writes no image of their memory to disk: it would hold conversations."""
    if resource is not None:
        with suppress(OSError, ValueError):  # a sandbox that forbids it has a limit of its own
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Lines(logging.Formatter):
    """One line a record."""

    def __init__(self, style: Literal["plain", "json"], names: Mapping[str, str]) -> None:
        """Args:
        style: see `set_up`.
        names: what stands for a path, longest path first where one holds another.
        """
        super().__init__()
        self._json = style == "json"
        self._names = sorted(((path, name) for path, name in names.items() if len(path) > 1), key=lambda pair: -len(pair[0]))

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        fields = self._fields(record)
        if self._json:
            return json.dumps(fields, ensure_ascii=False, default=str)
        rest = " ".join(f"{key}={value}" for key, value in fields.items() if key not in {"time", "level", "logger", "message"})
        return " ".join(f"{fields['level']} {fields['logger']}: {fields['message']} {rest}".split())

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        speaks = record.name.split(".")[0] in SPEAK
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": " ".join(record.getMessage().split()) if speaks else UNSAID,
        }
        if speaks:
            fields |= {key: self._shown(value) for key, value in vars(record).items() if key not in _STANDARD}
        else:
            fields["at"] = f"{_short(record.pathname)}:{record.lineno}"
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
            fields["at"] = " < ".join(_places(record.exc_info[2]))
        return fields

    def _shown(self, value: object) -> object:
        if not isinstance(value, str):
            return value if isinstance(value, int | float | bool | None) else type(value).__name__
        for path, name in self._names:
            value = value.replace(path, name)
        return value


def _places(trace: TracebackType | None, most: int = 12) -> Iterator[str]:
    """Where it happened, the innermost place first."""
    for frame in reversed(traceback.extract_tb(trace)[-most:]):
        yield f"{_short(frame.filename)}:{frame.lineno} {frame.name}"


def _short(path: str) -> str:
    """A source file without the folders above the package: they may name a user."""
    file = Path(path)
    if file.is_relative_to(_ROOT) and "site-packages" not in file.parts:
        return str(file.relative_to(_ROOT))
    return "/".join(file.parts[-2:])


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, SystemExit | KeyboardInterrupt):
        return
    log.error("uncaught", exc_info=(kind, error or kind(), trace))


def _printed(*_: object, **__: object) -> None:
    log.error("printed by a library", exc_info=True)
