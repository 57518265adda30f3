"""The file of a backup: a tar.gz whose first member says what has to be in it. It knows nothing of where the files belong.

    manifest.json        what this is, its format, and size and sha256 of every member
    home/documents/…     the organisation's own documents, as they were read
    home/feedback/…      feedback, if there is any
    home/tuning.json     measured settings of the model
    home/index/…         the current index, if it was asked for
    bot.toml             the settings file
    contacts.yaml        an own contacts file

It is written beside its name and renamed when it is whole. What is read is compared with the manifest; a member that the
manifest does not name is refused, and a name can only be one of the above, so nothing is ever written elsewhere.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from bot import __version__
from bot.errors import BackupError

PROGRAM = "trust-coach"
FORMAT = 1
"""Raised when an older program could not restore the archive any more."""
MANIFEST = "manifest.json"
NAME = re.compile(r"bot\.toml|contacts\.yaml|home/(?:documents|feedback|index)/(?:[\w-][\w.-]*/)*[\w-][\w.-]*|home/tuning\.json", re.ASCII)
"""Names that a member may have: no `..`, nothing hidden, nothing outside."""
_MANIFEST_LIMIT = 64_000_000
_DAMAGE = (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile)


class ChangedError(Exception):
    """A file changed while it was copied."""


@dataclass(frozen=True)
class Contents:
    """What an archive holds: (size in bytes, sha256) by member."""

    created: str
    version: str
    files: dict[str, tuple[int, str]]

    def __str__(self) -> str:
        """For people: `12 documents, 3 feedback, bot.toml`."""
        counts: dict[str, int] = {}
        for name in self.files:
            part = name.split("/")[1] if name.startswith("home/") else name
            counts[part] = counts.get(part, 0) + 1
        return ", ".join(part if "." in part else f"{part} ({count} files)" for part, count in counts.items()) or "nothing"


def write(archive: Path, members: Sequence[tuple[str, Path]]) -> Contents:
    """Writes an archive that only its owner can read.

    Args:
        members: (name, file).

    Raises:
        ChangedError: a file changed while it was copied.
        OSError: a file is gone, or the archive cannot be written.
    """
    sums = {name: (path.stat().st_size, _sha256(path)) for name, path in members}
    contents = Contents(datetime.now(UTC).isoformat(timespec="seconds"), __version__, sums)
    head = {"program": PROGRAM, "format": FORMAT, "created": contents.created, "version": contents.version, "files": sums}
    handle, fresh = tempfile.mkstemp(prefix=f".{archive.name}-", dir=archive.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
                _add(tar, MANIFEST, json.dumps(head).encode())
                for name, path in members:
                    content = path.read_bytes()
                    if (len(content), hashlib.sha256(content).hexdigest()) != sums[name]:
                        raise ChangedError
                    _add(tar, name, content)
            file.flush()
            os.fsync(file.fileno())
        Path(fresh).replace(archive)
    finally:
        Path(fresh).unlink(missing_ok=True)
    return contents


def read(archive: Path, folder: Path) -> Contents:
    """Reads a whole archive into an empty folder and compares it with its manifest.

    Raises:
        BackupError: it is missing, damaged, no archive of this program, or of a newer one.
        OSError: it cannot be read, or the folder cannot be written.
    """
    try:
        with gzip.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            entries = iter(tar)
            contents = _contents(archive, tar, next(entries, None))
            left = dict(contents.files)
            for entry in entries:
                if entry.name not in left or not entry.isreg() or entry.size != left[entry.name][0]:
                    raise BackupError(f"{archive} is no whole backup: {entry.name[:80]!r} is not what its manifest says. Use another one.")
                if _copied(_content(tar, entry), folder / entry.name) != left.pop(entry.name)[1]:
                    raise BackupError(f"{archive} is damaged: the sha256 of {entry.name} is not that of its manifest. Use another one.")
            while packed.read(1 << 20):  # behind the last member: the checksum of all
                pass
    except _DAMAGE as error:
        raise BackupError(f"{archive} is damaged or no backup ({type(error).__name__}). Use another one.") from error
    except FileNotFoundError as error:
        raise BackupError(f"There is no file {archive}. Check the path.") from error
    if left:
        raise BackupError(f"{archive} is no whole backup: it lacks {len(left)} files, {min(left)} for one. Use another one.")
    return contents


def _contents(archive: Path, tar: tarfile.TarFile, first: tarfile.TarInfo | None) -> Contents:
    """The manifest."""
    foreign = BackupError(f"{archive} is no backup of {PROGRAM}. Give a file that `run.py backup` wrote.")
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > _MANIFEST_LIMIT:
        raise foreign
    try:
        raw: Any = json.loads(_content(tar, first).read())
        if raw["program"] != PROGRAM:
            raise foreign
        if int(raw["format"]) > FORMAT:
            raise BackupError(
                f"{archive} was written by {PROGRAM} {raw['version']} in format {raw['format']}; this is {__version__}, which knows "
                f"format {FORMAT}. Restore it with the newer program."
            )
        files = {str(name): (int(size), str(digest)) for name, (size, digest) in raw["files"].items()}
        contents = Contents(str(raw["created"]), str(raw["version"]), files)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise foreign from error
    wrong = next((name for name in files if not NAME.fullmatch(name)), None)
    if wrong is not None:
        raise BackupError(f"{archive} was refused: its manifest names {wrong[:80]!r}, which no backup holds. Do not use it.")
    return contents


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(entry)
    assert content is not None  # noqa: S101 - only asked for regular files
    return content


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _copied(source: IO[bytes], target: Path) -> str:
    """Copies and gives the sha256."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := source.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
