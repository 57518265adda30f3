"""Building an index and making it current: a new generation, verified, one atomic switch, the last good one kept.

The files (cards, routes, articles, documents) are the truth; every generation can be thrown away. It knows nothing of where
generations lie (`bot.knowledge.place`) or how questions are ranked: what makes an index acceptable is passed in.
"""

from __future__ import annotations

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
from bot.knowledge.base import Entry, Kind
from bot.knowledge.cards import SCHEMA_VERSION
from bot.knowledge.embedding import DIMENSIONS, EMBEDDER, Embedder, Vectors
from bot.knowledge.index import Index
from bot.knowledge.place import Folder, Place
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
    """What `Place.write` gave: by it damage is found."""

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
    """The generations: building, verifying and opening them. Where they lie is the place's business (`bot.knowledge.place`)."""

    def __init__(self, folder: Path, place: Place | None = None) -> None:
        """Args:
        folder: of this machine's lock, and of the generations if they do not lie elsewhere.
        place: where they lie; None: in the folder.
        """
        self.folder = folder
        self._place = place or Folder(folder)

    @property
    def shared(self) -> bool:
        """True when other machines build and use these generations, too."""
        return self._place.shared

    @property
    def current(self) -> str | None:
        """Name of the current generation, if there is one.

        Raises:
            IndexError_: the place cannot be asked.
        """
        return self._place.current()

    def manifest(self, generation: str) -> Manifest:
        """Reads a generation's manifest.

        Raises:
            IndexError_: it is missing or damaged.
        """
        raw = self._place.manifest(generation)
        other = {field.name for field in fields(Manifest)} ^ set(raw)
        if other and "generation" in raw:
            raise IndexError_(
                f"The index {generation} was written by another version (its manifest differs in {', '.join(sorted(other))}). "
                "It is built anew at the next start."
            )
        if other:
            raise IndexError_(f"The manifest of the index {generation} cannot be read: it names none. The index is built anew.")
        return Manifest(**raw)

    def open(self, generation: str) -> Index:
        """Reads a generation and compares it with its manifest.

        Raises:
            IndexError_: missing, damaged, or not what its manifest says.
        """
        manifest = self.manifest(generation)
        entries, vectors = self._place.read(generation, manifest.digest)
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
        with locked(self.folder):
            generation = f"g-{time.time_ns()}"
            try:
                vectors = embed(entries, known, embedder, progress)
                digest = self._place.write(generation, entries, vectors)
                self._place.sign(generation, asdict(describe(generation, len(entries), content_hash(entries), digest)))
                index = self.open(generation)
                _verify(index, entries, vectors)
                complaint = accept(index) if accept is not None else None
                if complaint:
                    raise IndexError_(f"The new index was not made current: {complaint}.")
                self._place.make_current(generation)
            except IndexError_:
                self._place.discard(generation)
                raise
            return index


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds this machine's lock for building.

    Raises:
        IndexLockedError: another process has it.
        IndexError_: the folder cannot be used.
    """
    lock = FileLock(folder / "lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise IndexLockedError(f"Another process is building the index in {folder}. Wait until it is done and try again.") from error
    except OSError as error:
        raise IndexError_(f"The index cannot be built in {folder}: {error}. Check its permissions, or set BOT_HOME.") from error
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
