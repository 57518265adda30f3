"""The organisation's own documents: which are on the shelf, their extracted text and passages, and keeping the shelf in step with folders.

One JSON file a document under `documents/`, written atomically. How formats are read is `bot.knowledge.readers`' matter.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bot.errors import DocumentError
from bot.knowledge.base import Entry, Kind
from bot.knowledge.readers import SUFFIXES, read_document
from bot.knowledge.splitting import SPLITTER, split
from bot.types import Passage

Detect = Callable[[str], str]
"""Gives the language code of a text."""
Report = Callable[[Path], None]
"""Called after each file."""


@dataclass(frozen=True)
class Document:
    """A document on the shelf. `id` names its content; offsets of passages are characters of `text`."""

    id: str
    path: str
    root: str
    title: str
    language: str
    text: str
    splitter: str
    passages: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class Refused:
    """A file that could not be taken, and why, in one line."""

    path: Path
    reason: str


@dataclass
class Outcome:
    """What an ingest did, file by file."""

    added: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    doubled: list[Path] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


class DocumentShelf:
    """All documents that were ingested."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def documents(self) -> list[Document]:
        """All documents, by path; a damaged record is left out (its file is read again at the next ingest)."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                raw = json.loads(path.read_text(encoding="utf-8"))
                found.append(Document(**{**raw, "passages": tuple((int(a), int(b), str(c)) for a, b, c in raw["passages"])}))
            except (OSError, ValueError, TypeError, KeyError):
                continue
        return sorted(found, key=lambda document: document.path)

    @property
    def unreadable(self) -> int:
        """Records that are damaged or of another version: their files have to be ingested again."""
        return len(list(self._folder.glob("*.json"))) - len(self.documents())

    def document(self, name: str) -> Document | None:
        """A document by id."""
        return next((document for document in self.documents() if document.id == name), None)

    def entries(self) -> Iterator[Entry]:
        """The passages as entries of the index."""
        for document in self.documents():
            for start, end, heading in document.passages:
                title = f"{document.title}: {heading}" if heading else document.title
                passage = Passage(
                    f"{document.id}#{start}",
                    document.id,
                    title,
                    document.language,
                    document.text[start:end],
                    start,
                    end,
                    own=True,
                )
                yield Entry(Kind.PASSAGE, passage.id, document.language, 0, passage.text, passage)

    def ingest(self, paths: Sequence[Path], detect: Detect, report: Report = lambda _: None) -> Outcome:
        """Brings the shelf in step with files and folders.

        New and changed files are read, files that are gone from a named folder (or are named themselves) leave the shelf. A file that
        cannot be read is reported and never stops the rest; what the shelf had of it stays.
        """
        outcome = Outcome()
        shelved = {document.path: document for document in self.documents()}
        contents = {document.id: document.path for document in shelved.values()}
        holders_first = sorted(files_of(paths, outcome.refused), key=lambda file: str(file[0]) not in shelved)
        for path, root in holders_first:
            self._take(path, root, shelved, contents, detect, outcome)
            report(path)
        for name, document in shelved.items():
            if not Path(name).exists() and any(Path(name).is_relative_to(path.resolve()) for path in paths):
                self._record(document.path).unlink(missing_ok=True)
                outcome.removed.append(Path(name))
        return outcome

    def _take(
        self,
        path: Path,
        root: Path,
        shelved: dict[str, Document],
        contents: dict[str, str],
        detect: Detect,
        outcome: Outcome,
    ) -> None:
        try:
            title, text = read_document(path)
        except DocumentError as error:
            outcome.refused.append(Refused(path, str(error)))
            return
        name, before = hashlib.sha256(text.encode()).hexdigest()[:16], shelved.get(str(path))
        if before is not None and before.id == name and before.splitter == SPLITTER:
            outcome.unchanged.append(path)
            return
        if before is not None and contents.get(before.id) == before.path:
            del contents[before.id]
        holder = contents.get(name, str(path))
        if holder != str(path) and Path(holder).exists():
            self._record(str(path)).unlink(missing_ok=True)
            outcome.doubled.append(path)
            return
        try:
            self._keep(Document(name, str(path), str(root), title, detect(text), text, SPLITTER, tuple(split(text))))
        except OSError as error:
            outcome.refused.append(Refused(path, f"could not be kept in {self._folder}: {error.strerror}. Free some disk space."))
            return
        if holder != str(path):
            self._record(holder).unlink(missing_ok=True)
        contents[name] = str(path)
        (outcome.changed if before is not None else outcome.added).append(path)

    def _keep(self, document: Document) -> None:
        """Writes a document's record atomically."""
        self._folder.mkdir(parents=True, exist_ok=True)
        record = self._record(document.path)
        fresh = record.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            json.dump(asdict(document), file)  # a path that is no UTF-8 holds surrogates: escaped, they come back as they were
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(record)

    def _record(self, path: str) -> Path:
        return self._folder / f"{hashlib.sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}.json"


def files_of(paths: Sequence[Path], refused: list[Refused]) -> list[tuple[Path, Path]]:
    """(file, named path) for every readable kind of file below the paths, hidden ones left out; what does not exist is refused."""
    found: dict[Path, Path] = {}
    for path in paths:
        root = path.resolve()
        if root.is_dir():
            inside = (file for file in sorted(root.rglob("*")) if file.is_file() and file.suffix.lower() in SUFFIXES)
            found |= {file: root for file in inside if not any(part.startswith(".") for part in file.relative_to(root).parts)}
        elif root.is_file():
            found[root] = root
        else:
            refused.append(Refused(path, "does not exist. Check the path."))
    return list(found.items())
