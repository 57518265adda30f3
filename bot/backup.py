"""Backup and restore of what is neither fetched nor rebuilt, in one file (`bot.archive`): own documents, feedback, tuning, settings.

Restoring reads and compares all of the archive first; only then is anything put in place, and all of it or nothing.
It knows nothing of what the files mean.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot import archive
from bot.archive import ChangedError, Contents
from bot.errors import BackupError

KEPT = ("documents", "feedback", "tuning.json")
"""What of the home folder is neither fetched nor rebuilt."""
_TRIES = 3


@dataclass(frozen=True)
class Places:
    """Where things lie on this machine. `settings` and `contacts` are where those files are, or are to be put."""

    home: Path
    settings: Path
    contacts: Path

    def of(self, member: str) -> Path:
        """Where a member of an archive belongs."""
        return {"bot.toml": self.settings, "contacts.yaml": self.contacts}.get(member) or self.home / member.removeprefix("home/")


def back_up(places: Places, file: Path, *, index: bool = False) -> Contents:
    """Writes an archive.

    Args:
        index: put the current index in, too, so that nothing has to be embedded again.

    Raises:
        BackupError: it cannot be written, or something kept changing while it was copied.
    """
    for _ in range(_TRIES):
        try:
            return archive.write(file, list(_members(places, index=index)))
        except (ChangedError, FileNotFoundError):
            if not file.parent.is_dir():
                raise BackupError(f"There is no folder {file.parent}. Make it, or give another path.") from None
        except OSError as error:
            raise BackupError(f"{file} cannot be written: {error.strerror}. Check the folder and its free disk.") from error
    raise BackupError(f"Files in {places.home} kept changing while they were copied. Wait until `ingest` is done and try again.")


def restore(places: Places, file: Path, *, replace: bool = False) -> Contents:
    """Puts everything of an archive in place.

    Args:
        replace: what is there already is taken away; without it the archive is refused.

    Raises:
        BackupError: it is damaged, no archive of this program, of a newer one, or would overwrite something; nothing was changed.
    """
    try:
        places.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=places.home) as staging:
            contents = archive.read(file, Path(staging))
            parts = sorted({"/".join(name.split("/")[:2]) for name in contents.files})
            there = [str(places.of(part)) for part in parts if _filled(places.of(part))]
            if there and not replace:
                raise BackupError(
                    f"{file} was not restored: {', '.join(there)} would be overwritten. Add --replace to replace what is there."
                )
            _put_in_place(Path(staging), places, parts)
            return contents
    except OSError as error:
        raise BackupError(f"{file} was not restored: {error.strerror} ({error.filename}). Nothing was changed.") from error


def _members(places: Places, *, index: bool) -> Iterator[tuple[str, Path]]:
    """(member, file) of everything that is there."""
    found = [file for name in KEPT for file in _files(places.home / name)]
    pointer = places.home / "index" / "current"
    if index and pointer.is_file():
        found += [pointer, *_files(pointer.parent / pointer.read_text(encoding="ascii").strip())]
    named = [(f"home/{file.relative_to(places.home).as_posix()}", file) for file in found]
    yield from ((name, file) for name, file in named if archive.NAME.fullmatch(name))
    for name in ("bot.toml", "contacts.yaml"):
        if places.of(name).is_file():
            yield name, places.of(name)


def _files(path: Path) -> list[Path]:
    """A file itself, or all below a folder; a record that is being written (`.new`) is none yet."""
    found = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return [file for file in found if file.suffix != ".new"]


def _filled(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _put_in_place(staging: Path, places: Places, parts: Sequence[str]) -> None:
    """Moves what is there aside and the new in its place; when one step fails all are undone.

    Args:
        parts: members or folders of members (`home/documents`); each is replaced whole.
    """
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)
        moved.append((source, target))

    try:
        for number, part in enumerate(parts):
            if places.of(part).exists():
                move(places.of(part), staging / f"old-{number}")
            move(staging / part, places.of(part))
    except OSError:
        for source, target in reversed(moved):
            shutil.move(target, source)
        raise
