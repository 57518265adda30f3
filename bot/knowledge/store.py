"""Entries and their vectors in a Chroma database. The only file that imports chromadb.

Chroma keeps the index; the search itself is exact and in memory (`bot.knowledge.index`), because the ranking needs all
phrasings at once and an approximate search can leave entries unreachable. Each generation is a folder of its own that is
written once and never changed: a kill while it is written costs that folder only. Chroma writes to its files even when it only
reads (1.5.9), and flipped bytes can make it abort the whole process: so a database is compared with the digest that was taken
when it was written, and then read from a copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np

from bot.errors import IndexError_
from bot.knowledge.base import Entry, Kind
from bot.knowledge.embedding import DIMENSIONS, Vectors
from bot.types import Passage

COLLECTION = "entries"
_BATCH = 1000
_COPY = "trust-coach-"
_COPY_SECONDS = 3600.0
"""Age from which a copy for reading is what a killed process left: reading takes seconds."""


def _chromadb() -> tuple[Any, Any]:
    """The library and its settings."""
    os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
    import chromadb  # noqa: PLC0415 - half a second, not needed before the first generation is opened
    from chromadb.config import Settings  # noqa: PLC0415

    return chromadb, Settings


def _client(folder: Path) -> Any:
    chromadb, settings = _chromadb()
    return chromadb.PersistentClient(str(folder), settings=settings(anonymized_telemetry=False))


def write(folder: Path, entries: Sequence[Entry], vectors: Vectors) -> None:
    """Writes a new database.

    Args:
        folder: does not exist yet, or is empty.
        vectors: shape (len(entries), DIMENSIONS), unit length.

    Raises:
        IndexError_: Chroma refused, for example because the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(_client(folder)) as client:
            fill(
                client.create_collection(COLLECTION, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None), entries, vectors
            )
    except Exception as error:
        raise IndexError_(f"The index could not be written to {folder}: {error}. Check the free disk space and start again.") from error


def fill(collection: Any, entries: Sequence[Entry], vectors: Vectors) -> None:
    """Puts entries and their vectors into an empty collection."""
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        collection.add(
            ids=[entry.id for entry in batch],
            embeddings=vectors[start : start + _BATCH],
            documents=[entry.text for entry in batch],
            metadatas=[_metadata(entry) for entry in batch],
        )


def connect(host: str, port: int, *, tls: bool, headers: dict[str, str], seconds: float) -> Any:
    """A client of a Chroma server; to be closed.

    Args:
        seconds: longest silence of the server; Chroma's own client waits for ever.

    Raises:
        Exception: what Chroma raises when nobody answers there.
    """
    chromadb, settings = _chromadb()
    quick = None if tls else False  # certificates are loaded for nothing (0.2 s) unless there are some to verify
    own = settings(anonymized_telemetry=False, chroma_server_ssl_verify=quick)
    client = chromadb.HttpClient(host, port, ssl=tls, headers=headers, settings=own)
    client._server._session.timeout = seconds
    return client


def digest(folder: Path) -> str:
    """sha256 over the names and bytes of all files of a database.

    Raises:
        IndexError_: it is missing or cannot be read.
    """
    found = hashlib.sha256()
    try:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            found.update(f"{path.relative_to(folder)}|{path.stat().st_size}|".encode())
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise IndexError_(f"The index in {folder} cannot be read: {error}. It is built anew at the next start.") from error
    return found.hexdigest()


def read(folder: Path) -> tuple[list[Entry], Vectors]:
    """Reads a database whole: the entries in a fixed order, and vectors of shape (entries, DIMENSIONS).

    Only for a database whose `digest` is right: of a damaged one Chroma may abort the process.

    Raises:
        IndexError_: it is missing, or holds vectors of another shape.
    """
    if not (folder / "chroma.sqlite3").is_file():
        raise IndexError_(f"The index in {folder} is missing. It is built anew at the next start.")
    try:
        sweep(Path(tempfile.gettempdir()))
        with tempfile.TemporaryDirectory(prefix=_COPY) as place:
            copy = Path(shutil.copytree(folder, Path(place) / "chroma"))
            with closing(_client(copy)) as client:
                return contents(client.get_collection(COLLECTION, embedding_function=None))
    except Exception as error:
        raise IndexError_(f"The index in {folder} cannot be read: {error}. It is built anew at the next start.") from error


def contents(collection: Any) -> tuple[list[Entry], Vectors]:
    """Everything in a collection: the entries in a fixed order, and vectors of shape (entries, DIMENSIONS).

    Raises:
        ValueError: an entry under a wrong id, or a vector of another shape.
    """
    rows = sorted(_rows(collection), key=lambda row: row[0])
    wrong = next((name for name, entry, _ in rows if entry.id != name), None)
    if wrong:
        raise ValueError(f"it holds an entry under a wrong id, {wrong}")
    return [entry for _, entry, _ in rows], np.array([vector for _, _, vector in rows], np.float32).reshape(len(rows), DIMENSIONS)


def sweep(folder: Path) -> None:
    """Deletes the copies that killed processes left in a folder for temporary files; they hold texts of documents."""
    for copy in folder.glob(f"{_COPY}*"):
        with suppress(OSError):
            if time.time() - copy.stat().st_mtime > _COPY_SECONDS:
                shutil.rmtree(copy, ignore_errors=True)


def _rows(collection: Any) -> Iterator[tuple[str, Entry, Any]]:
    """(id, entry, vector) of everything in a collection."""
    for start in range(0, collection.count(), _BATCH):
        part = collection.get(limit=_BATCH, offset=start, include=["embeddings", "metadatas", "documents"])
        for name, text, metadata, vector in zip(part["ids"], part["documents"], part["metadatas"], part["embeddings"], strict=True):
            yield name, _entry(text, metadata), vector


def _metadata(entry: Entry) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "kind": entry.kind.value,
        "owner": entry.owner,
        "language": entry.language,
        "number": entry.number,
    }
    if entry.passage is not None:
        passage = entry.passage
        metadata |= {
            "document": passage.document,
            "title": passage.title,
            "start": passage.start,
            "end": passage.end,
            "own": passage.own,
        }
    return metadata


def _entry(text: str, metadata: dict[str, Any]) -> Entry:
    passage = None
    if "document" in metadata:
        passage = Passage(
            metadata["owner"],
            metadata["document"],
            metadata["title"],
            metadata["language"],
            text,
            metadata["start"],
            metadata["end"],
            metadata["own"],
        )
    return Entry(Kind(metadata["kind"]), metadata["owner"], metadata["language"], metadata["number"], text, passage)
