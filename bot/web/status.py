"""How the server is: model, index, disk. What `/readyz` tells and `/metrics` counts from one look at all three.

It names states, never paths nor the text of an error: those stand in the log, anyone may read this.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ModelState = Literal["none", "starting", "ready", "away", "failed"]
"""`none`: the answers are composed by choice. `away`: its process died and is started again."""


@dataclass(frozen=True)
class Status:
    """One look.

    Attributes:
        index: name of the generation in use; empty: there is none.
        index_built: seconds since 1970; 0 for the one that is made from the shipped vectors.
        index_failed: the last attempt to build or open a newer one failed.
        disk_free: bytes; None when the folder cannot be asked.
        disk_floor: bytes below which the disk counts as full.
        queue: prompts that wait for the model or run.
    """

    model: ModelState = "none"
    index: str = ""
    index_entries: int = 0
    index_built: float = 0.0
    index_failed: bool = False
    disk_free: int | None = None
    disk_floor: int = 0
    queue: int = 0

    @property
    def wrong(self) -> tuple[str, ...]:
        """What somebody has to look after, a line each. A model that is being fetched or loaded is not wrong: answers are composed."""
        found = []
        if self.model in {"away", "failed"}:
            found.append(f"model: {self.model}; answers are put together from the cards")
        if not self.index:
            found.append("index: there is none")
        elif self.index_failed:
            found.append("index: the newer one cannot be used; the last good one goes on")
        if self.disk_free is None:
            found.append("disk: the home folder cannot be read")
        elif self.disk_free < self.disk_floor:
            found.append(f"disk: {self.disk_free // 1_000_000} MB free, the floor is {self.disk_floor // 1_000_000} MB")
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """What `/readyz` tells."""
        return {
            "ready": not self.wrong,
            "model": self.model,
            "index": self.index,
            "disk_free_mb": None if self.disk_free is None else self.disk_free // 1_000_000,
            "wrong": list(self.wrong),
        }


Look = Callable[[], Status]


def free_disk(folder: Path) -> int | None:
    """Bytes free where a folder is, or None when it is gone."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
