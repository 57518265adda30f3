"""Building an index and making it current: new folder, verified, one atomic rename, the last good one kept.

    index/
    ├── current            one line: the name of the generation that is used (replaced atomically)
    ├── lock               held by the one process that builds
    └── g-<time>/          a generation: manifest.json and chroma/, written once and never changed

The files (cards, routes, articles, documents) are the truth; every generation can be thrown away. It knows nothing of how
questions are ranked: what makes an index acceptable is passed in.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from bot.errors import IndexError_, IndexLockedError
from bot.knowledge import store
from bot.knowledge.base import Entry, Kind
from bot.knowledge.cards import SCHEMA_VERSION
from bot.knowledge.embedding import DIMENSIONS, EMBEDDER, Embedder, Vectors
from bot.knowledge.index import Index
from bot.knowledge.splitting import SPLITTER

Progress = Callable[[int, int], None]
"""Called with (entries embedded, entries to embed)."""
Accept = Callable[[Index], str | None]
"""Says what is wrong with a new index, or None."""
_EMBED_BATCH = 16
_SELF = 0.999
"""Cosine of an entry's stored vector with the vector it was given; below it was damaged on the way."""


@dataclass(frozen=True)
class Manifest:
    """What a generation was built from and with. Any difference to the running program means a rebuild."""

    generation: str
    entries: int
    content: str
    embedder: str
    splitter: str
    chroma: str
    schema: int
    digest: str
    """See `store.digest`."""

    def outdated(self, content: str) -> str | None:
        """The first reason why this generation does not fit the running program, or None."""
        wanted = describe(self.generation, self.entries, content, self.digest)
        changed = [name for name, value in asdict(wanted).items() if value != getattr(self, name)]
        return f"{changed[0]} changed" if changed else None


def describe(generation: str, entries: int, content: str, digest: str) -> Manifest:
    """The manifest that the running program would write."""
    return Manifest(generation, entries, content, EMBEDDER, SPLITTER, version("chromadb"), SCHEMA_VERSION, digest)


def built(generation: str) -> float:
    """When a generation was begun, in seconds since 1970; 0 for a name that tells no time."""
    nanoseconds = generation.removeprefix("g-")
    return int(nanoseconds) / 1e9 if nanoseconds.isdecimal() else 0.0


def content_hash(entries: Sequence[Entry]) -> str:
    """Changes when any text changes, whatever the order."""
    return sha256("".join(sorted(entry.id for entry in entries)).encode()).hexdigest()


def embed(entries: Sequence[Entry], known: Mapping[int, Vectors], embedder: Embedder, progress: Progress | None = None) -> Vectors:
    """Vectors of all entries, shape (len(entries), DIMENSIONS); what is known is not embedded again."""
    vectors = np.zeros((len(entries), DIMENSIONS), np.float32)
    missing = []
    for row, entry in enumerate(entries):
        found = known.get(entry.vector_key)
        if found is None:
            missing.append(row)
        else:
            vectors[row] = found
    for start in range(0, len(missing), _EMBED_BATCH):
        for kind_is_passage in (False, True):
            rows = [row for row in missing[start : start + _EMBED_BATCH] if (entries[row].kind is Kind.PASSAGE) is kind_is_passage]
            if rows:
                call = embedder.passages if kind_is_passage else embedder.queries
                vectors[rows] = call([entries[row].text for row in rows])
        if progress is not None:
            progress(min(start + _EMBED_BATCH, len(missing)), len(missing))
    return vectors


class IndexHome:
    """The folder of the generations."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pointer = folder / "current"

    @property
    def current(self) -> str | None:
        """Name of the current generation, if there is one."""
        try:
            return self._pointer.read_text(encoding="ascii").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def manifest(self, generation: str) -> Manifest:
        """Reads a generation's manifest.

        Raises:
            IndexError_: it is missing or damaged.
        """
        path = self.folder / generation / "manifest.json"
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            other = {field.name for field in fields(Manifest)} ^ set(raw) if isinstance(raw, dict) else set()
            if other and "generation" in raw:
                raise IndexError_(
                    f"The index {generation} was written by another version (its manifest differs in {', '.join(sorted(other))}). "
                    "It is built anew at the next start."
                )
            return Manifest(**raw)
        except (OSError, ValueError, TypeError) as error:
            raise IndexError_(f"{path} cannot be read: {error}. The index is built anew at the next start.") from error

    def open(self, generation: str) -> Index:
        """Reads a generation and compares it with its manifest.

        Raises:
            IndexError_: missing, damaged, or not what its manifest says.
        """
        manifest = self.manifest(generation)
        folder = self.folder / generation / "chroma"
        if store.digest(folder) != manifest.digest:
            raise IndexError_(f"The index in {folder} is damaged: its files are not those that were written. It is built anew.")
        entries, vectors = store.read(folder)
        if len(entries) != manifest.entries or content_hash(entries) != manifest.content:
            raise IndexError_(
                f"The index {generation} holds {len(entries)} entries; its manifest says {manifest.entries}. It is built anew."
            )
        return Index(generation, entries, vectors)

    def build(
        self,
        entries: Sequence[Entry],
        known: Mapping[int, Vectors],
        embedder: Embedder,
        accept: Accept | None = None,
        progress: Progress | None = None,
    ) -> Index:
        """Builds, verifies and makes current.

        Args:
            entries: everything the index is to hold.
            known: vectors that need not be embedded again, by `Entry.vector_key`.
            accept: a last word on the finished index, for example golden questions.

        Raises:
            IndexLockedError: another process is building.
            IndexError_: it could not be written or did not pass; the old generation stays current.
        """
        with self._lock():
            generation = f"g-{time.time_ns()}"
            folder = self.folder / generation
            try:
                vectors = embed(entries, known, embedder, progress)
                store.write(folder / "chroma", entries, vectors)
                manifest = describe(generation, len(entries), content_hash(entries), store.digest(folder / "chroma"))
                (folder / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
                index = self.open(generation)
                _verify(index, entries, vectors)
                complaint = accept(index) if accept is not None else None
                if complaint:
                    raise IndexError_(f"The new index was not made current: {complaint}.")
                self._make_current(generation)
            except (OSError, IndexError_) as error:
                shutil.rmtree(folder, ignore_errors=True)
                if isinstance(error, IndexError_):
                    raise
                raise IndexError_(f"The index could not be written to {folder}: {error}. Free some disk space and try again.") from error
            return index

    def _make_current(self, generation: str) -> None:
        previous = self.current
        fresh = self.folder / "current.new"
        with fresh.open("w", encoding="ascii") as file:
            file.write(generation + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._pointer)
        for old in self.folder.glob("g-*"):
            if old.name not in {generation, previous}:
                shutil.rmtree(old, ignore_errors=True)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        lock = FileLock(self.folder / "lock", timeout=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise IndexLockedError(
                f"Another process is building the index in {self.folder}. Wait until it is done and try again."
            ) from error
        except OSError as error:
            raise IndexError_(f"The index cannot be built in {self.folder}: {error}. Check its permissions, or set BOT_HOME.") from error
        try:
            yield
        finally:
            lock.release()


def _verify(index: Index, entries: Sequence[Entry], vectors: Vectors) -> None:
    """Every entry that was written is there and its stored vector finds it."""
    row_of = {entry.id: row for row, entry in enumerate(index.entries)}
    missing = [entry.id for entry in entries if entry.id not in row_of]
    if missing:
        raise IndexError_(f"The new index lacks {len(missing)} of {len(entries)} entries. It was not made current.")
    stored = index.vectors[[row_of[entry.id] for entry in entries]]
    worst = float((stored * vectors).sum(axis=1).min()) if len(entries) else 1.0
    if worst < _SELF:
        raise IndexError_(f"An entry of the new index does not find itself (cosine {worst:.3f}). It was not made current.")
