"""Where the generations of an index lie, and which of them is current: in a folder, or elsewhere (`bot.knowledge.server`).

    index/
    ├── current            one line: the name of the generation that is used (replaced atomically)
    ├── lock               held by the one process that builds
    └── g-<time>/          a generation: manifest.json and chroma/, written once and never changed

It knows nothing of what a manifest says or when a generation is good.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from bot.errors import IndexError_
from bot.knowledge import store
from bot.knowledge.base import Entry
from bot.knowledge.embedding import Vectors


class Place(Protocol):
    """Keeps generations by name. Every method raises IndexError_ when the place cannot be used."""

    shared: bool
    """Whether other machines use it, too."""

    def current(self) -> str | None:
        """Name of the current generation, if there is one."""
        ...

    def manifest(self, generation: str) -> dict[str, Any]:
        """What `sign` was given."""
        ...

    def write(self, generation: str, entries: Sequence[Entry], vectors: Vectors) -> str:
        """Writes a new generation; gives a digest of what can be read from now on."""
        ...

    def sign(self, generation: str, manifest: Mapping[str, Any]) -> None:
        """Puts the manifest to a generation that was written."""
        ...

    def read(self, generation: str, digest: str) -> tuple[list[Entry], Vectors]:
        """The entries in a fixed order and their vectors; refuses what does not have the digest."""
        ...

    def make_current(self, generation: str) -> None:
        """Switches to a generation in one step, keeps the one before, and drops older ones."""
        ...

    def discard(self, generation: str) -> None:
        """Drops a generation that is no good; never raises."""
        ...


class Folder:
    """Generations as folders. See `Place`."""

    shared = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pointer = folder / "current"

    def current(self) -> str | None:
        """See `Place.current`."""
        try:
            return self._pointer.read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def manifest(self, generation: str) -> dict[str, Any]:
        """See `Place.manifest`."""
        path = self._folder / generation / "manifest.json"
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise IndexError_(f"{path} cannot be read: {error}. The index is built anew at the next start.") from error
        if not isinstance(raw, dict):
            raise IndexError_(f"{path} cannot be read: it is no manifest. The index is built anew at the next start.")
        return raw

    def write(self, generation: str, entries: Sequence[Entry], vectors: Vectors) -> str:
        """See `Place.write`."""
        folder = self._folder / generation / "chroma"
        store.write(folder, entries, vectors)
        return store.digest(folder)

    def sign(self, generation: str, manifest: Mapping[str, Any]) -> None:
        """See `Place.sign`."""
        path = self._folder / generation / "manifest.json"
        try:
            path.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def read(self, generation: str, digest: str) -> tuple[list[Entry], Vectors]:
        """See `Place.read`."""
        folder = self._folder / generation / "chroma"
        if store.digest(folder) != digest:
            raise IndexError_(f"The index in {folder} is damaged: its files are not those that were written. It is built anew.")
        return store.read(folder)

    def make_current(self, generation: str) -> None:
        """See `Place.make_current`."""
        previous = self.current()
        fresh = self._folder / "current.new"
        try:
            with fresh.open("w", encoding="ascii") as file:
                file.write(generation + "\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._pointer)
        except OSError as error:
            raise self._unwritable(error) from error
        for old in self._folder.glob("g-*"):
            if old.name not in {generation, previous}:
                self.discard(old.name)

    def discard(self, generation: str) -> None:
        """See `Place.discard`."""
        shutil.rmtree(self._folder / generation, ignore_errors=True)

    def _unwritable(self, error: OSError) -> IndexError_:
        return IndexError_(f"The index could not be written to {self._folder}: {error}. Free some disk space and try again.")
