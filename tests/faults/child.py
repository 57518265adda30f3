"""The process that is killed: takes in a folder and builds the index, and dies where it is told to.

It tells what it has done, thing by thing; what was told counts as acknowledged.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from tests.faults.office import Office

_WRITES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.copyfile"}


@dataclass(frozen=True)
class Wound:
    """Where it dies: at the n-th step that changes files, in the middle of a write at the n-th byte, or when it is killed from outside."""

    kind: Literal["step", "byte", "outside"]
    at: int = 0


class Steps:
    """Counts what changes files below a folder: opening for writing, renaming, removing, syncing. Kills itself before the n-th."""

    def __init__(self, below: Path, last: int) -> None:
        self.count = 0
        self._below, self._last = str(below), last
        self._sync = os.fsync
        os.fsync = self._fsync  # type: ignore[assignment]
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _WRITES or (event == "open" and _writes(arguments)):
            path = arguments[0]
            if isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self._below):
                self._step()

    def _fsync(self, file: Any) -> None:
        self._step()
        self._sync(file)

    def _step(self) -> None:
        self.count += 1
        if self.count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    return bool(isinstance(mode, str) and set(mode) & set("wax+")) or bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR))


def work(folder: Path, wound: Wound, told: Connection) -> None:
    """Runs in a process of its own.

    Tells ("began",), then ("taken", file name) for each document, ("built", generation) and ("whole", number of steps).
    """
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    tempfile.tempdir = str(temporary)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    office = Office(folder)
    steps = Steps(folder, wound.at if wound.kind == "step" else 0)
    if wound.kind == "byte":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it: it would be an error, not a death
        resource.setrlimit(resource.RLIMIT_FSIZE, (wound.at, wound.at))
    told.send(("began",))
    office.ingest(lambda path: told.send(("taken", path.name)))
    told.send(("built", office.build().generation))
    told.send(("whole", steps.count))
