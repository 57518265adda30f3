"""Backup and restore: everything comes back, damage is refused and changes nothing, nothing is overwritten unasked."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.backup import Places, back_up, restore
from bot.config import ROOT
from bot.errors import BackupError
from bot.knowledge.build import IndexHome, content_hash
from bot.knowledge.documents import DocumentShelf
from tests.fakes import HashEmbedder
from tests.knowledge.entries import ENTRIES


def places(root: Path) -> Places:
    return Places(root / "home", root / "bot.toml", root / "home" / "contacts.yaml")


@pytest.fixture
def filled(tmp_path: Path) -> Places:
    """A home with documents, feedback, tuning, settings, and what does not belong into a backup."""
    where = places(tmp_path / "old")
    papers = tmp_path / "papers"
    papers.mkdir()
    for number in range(3):
        (papers / f"rules {number}.md").write_text(f"# Rules {number}\n\nEverybody keeps promise number {number} to customers.\n", "utf-8")
    assert len(DocumentShelf(where.home / "documents").ingest([papers], lambda _: "en").added) == 3
    (where.home / "documents" / "half.new").write_text("{")
    (where.home / "feedback").mkdir()
    (where.home / "feedback" / "2026-11-22.jsonl").write_text('{"verdict": "up"}\n')
    (where.home / "tuning.json").write_text("{}")
    (where.home / "models").mkdir()
    (where.home / "models" / "big.gguf").write_bytes(bytes(1000))
    where.settings.write_text('country = "no"\n')
    where.contacts.write_text("de: {}\n")
    return where


@pytest.fixture
def file(filled: Places, tmp_path: Path) -> Path:
    back_up(filled, tmp_path / "coach.tar.gz")
    return tmp_path / "coach.tar.gz"


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def kept(where: Places) -> dict[str, bytes]:
    """What a backup is to bring back."""
    left_out = ("models", "index", "half.new")
    return {name: content for name, content in tree(where.home.parent).items() if not any(part in name for part in left_out)}


def test_everything_comes_back_on_a_new_machine(filled: Places, file: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    contents = restore(new, file)
    assert tree(tmp_path / "new") == kept(filled)
    assert str(contents) == "documents (3 files), feedback (1 files), tuning.json, bot.toml, contacts.yaml"
    assert DocumentShelf(new.home / "documents").documents() == DocumentShelf(filled.home / "documents").documents()


def test_archive_and_what_comes_out_of_it_is_for_its_owner_only(file: Path, tmp_path: Path) -> None:
    assert file.stat().st_mode & 0o077 == 0
    restore(places(tmp_path / "new"), file)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "new").rglob("*") if path.is_file())


def test_index_travels_when_asked_for(filled: Places, tmp_path: Path) -> None:
    generation = IndexHome(filled.home / "index").build(ENTRIES, {}, HashEmbedder()).generation
    back_up(filled, tmp_path / "with.tar.gz", index=True)
    new = places(tmp_path / "new")
    restore(new, tmp_path / "with.tar.gz")
    home = IndexHome(new.home / "index")
    assert home.current == generation
    assert home.open(generation).entries
    assert home.manifest(generation).outdated(content_hash(ENTRIES)) is None


def test_empty_home_gives_an_archive_that_restores(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    assert str(back_up(places(tmp_path / "old"), tmp_path / "empty.tar.gz")) == "nothing"
    assert restore(places(tmp_path / "new"), tmp_path / "empty.tar.gz").files == {}


def test_nothing_is_overwritten_without_leave(filled: Places, file: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    new.home.mkdir(parents=True)
    new.settings.write_text("port = 1\n")
    with pytest.raises(BackupError, match=r"bot\.toml would be overwritten"):
        restore(new, file)
    assert tree(tmp_path / "new") == {"bot.toml": b"port = 1\n"}
    restore(new, file, replace=True)
    assert tree(tmp_path / "new") == kept(filled)


def test_replacing_leaves_nothing_of_what_was_there(filled: Places, file: Path, tmp_path: Path) -> None:
    new = places(tmp_path / "new")
    (new.home / "documents").mkdir(parents=True)
    (new.home / "documents" / "other.json").write_text("{}")
    restore(new, file, replace=True)
    assert tree(tmp_path / "new") == kept(filled)


@pytest.mark.parametrize("share", [i / 20 for i in range(20)])
def test_truncated_archive_is_refused_and_changes_nothing(file: Path, tmp_path: Path, share: float) -> None:
    os.truncate(file, int(file.stat().st_size * share))
    refused(file, tmp_path / "new")


def test_archive_that_lacks_its_last_bytes_is_refused(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for missing in (1, 4, 8, 9, 30):
        file.write_bytes(whole[:-missing])
        refused(file, tmp_path / "new")


def test_flipped_byte_is_refused_or_without_effect(filled: Places, file: Path, tmp_path: Path) -> None:
    """Ten bytes of gzip's header, its time for one, and the bits that fill its last byte say nothing of the content."""
    whole, dice = file.read_bytes(), random.Random(7)  # noqa: S311
    effectless = 0
    for number in range(150):
        where = number if number < 20 else dice.randrange(len(whole))
        file.write_bytes(whole[:where] + bytes([whole[where] ^ dice.randrange(1, 256)]) + whole[where + 1 :])
        root = tmp_path / f"new-{number}"
        try:
            restore(places(root), file)
        except BackupError:
            assert tree(root) == {}
        else:
            assert tree(root) == kept(filled)
            effectless += 1
    assert effectless <= 12


def refused(file: Path, root: Path, match: str = "damaged or no backup|no whole backup|is damaged|no backup of") -> None:
    with pytest.raises(BackupError, match=match) as caught:
        restore(places(root), file)
    assert len(str(caught.value).splitlines()) == 1
    assert tree(root) == {}
    assert not list(root.rglob(".restore-*"))


def packed(path: Path, members: Mapping[str, bytes], *, listed: Mapping[str, bytes] | None = None, **head: object) -> Path:
    """An archive as somebody else might make it."""
    files = {name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in (members if listed is None else listed).items()}
    manifest = {"program": "trust-coach", "format": 1, "created": "2026-11-22", "version": "0.1.0", "files": files, **head}
    with tarfile.open(path, "w:gz") as tar:
        for name, content in {"manifest.json": json.dumps(manifest).encode(), **members}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def test_the_packing_of_these_tests_is_accepted_when_it_is_right(tmp_path: Path) -> None:
    restore(places(tmp_path / "new"), packed(tmp_path / "a.tar.gz", {"home/documents/a.json": b"{}"}))
    assert tree(tmp_path / "new") == {"home/documents/a.json": b"{}"}


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "home/../../evil",
        "/etc/evil",
        "home/documents/../../../evil",
        "home/documents/.hidden",
        "home/models/m.gguf",
        "home/documents/a\nb",
        "bot.toml/x",
        "home/documents//etc/x",
        "home/documents/ａ",
    ],
)
def test_name_that_no_backup_holds_is_refused(tmp_path: Path, name: str) -> None:
    refused(packed(tmp_path / "a.tar.gz", {name: b"x"}), tmp_path / "new", "which no backup holds")
    assert not list(tmp_path.rglob("evil"))


def test_member_that_the_manifest_does_not_name_is_refused(tmp_path: Path) -> None:
    file = packed(
        tmp_path / "a.tar.gz", {"home/documents/a.json": b"{}", "home/documents/b.json": b"{}"}, listed={"home/documents/a.json": b"{}"}
    )
    refused(file, tmp_path / "new")


def test_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.tar.gz", {"home/documents/a.json": b"{}"})
    content = gzip.decompress(file.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        last = tar.getmembers()[-1]
    member = content[last.offset : last.offset + 1024]
    file.write_bytes(gzip.compress(content[: last.offset] + member + member + bytes(1024)))
    refused(file, tmp_path / "new")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_link_or_device_is_refused(tmp_path: Path, kind: bytes) -> None:
    manifest = {"program": "trust-coach", "format": 1, "created": "", "version": "", "files": {"home/tuning.json": [0, "x"]}}
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        head = tarfile.TarInfo("manifest.json")
        head.size = len(json.dumps(manifest))
        tar.addfile(head, io.BytesIO(json.dumps(manifest).encode()))
        entry = tarfile.TarInfo("home/tuning.json")
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)
    refused(tmp_path / "a.tar.gz", tmp_path / "new")


def test_other_sha256_is_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.tar.gz", {"home/tuning.json": b"{ }"}, listed={"home/tuning.json": b"{x}"})
    refused(file, tmp_path / "new", r"sha256 of home/tuning\.json")


def test_newer_format_is_refused_with_both_versions(tmp_path: Path) -> None:
    refused(packed(tmp_path / "a.tar.gz", {}, format=2, version="9.0"), tmp_path / "new", "9.0 in format 2; this is .* format 1")


@pytest.mark.parametrize("content", [b"", b"x" * 5000, gzip.compress(b"text"), gzip.compress(bytes(20_000))])
def test_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    refused(tmp_path / "a.tar.gz", tmp_path / "new")


def test_archive_of_another_program_is_refused(tmp_path: Path) -> None:
    refused(packed(tmp_path / "a.tar.gz", {}, program="other"), tmp_path / "new", "no backup of")


def test_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    """The manifest says how long a member is; more is not read."""
    bomb = packed(tmp_path / "a.tar.gz", {"home/tuning.json": bytes(50_000_000)}, listed={"home/tuning.json": b"x"})
    assert bomb.stat().st_size < 100_000
    refused(bomb, tmp_path / "new")


def test_folder_that_does_not_exist_is_named(filled: Places, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="There is no folder"):
        back_up(filled, tmp_path / "none" / "x.tar.gz")


def test_full_disk_leaves_the_earlier_archive_and_nothing_else(filled: Places, file: Path, tmp_path: Path) -> None:
    before = file.read_bytes()
    (filled.home / "tuning.json").write_bytes(random.Random(3).randbytes(200_000))  # noqa: S311
    full = ["sh", "-c", 'ulimit -f 50; exec "$@"', "sh", sys.executable, "-B", str(ROOT / "run.py"), "backup", str(file)]
    done = subprocess.run(
        full,
        cwd=tmp_path / "old",
        env={**os.environ, "BOT_HOME": str(filled.home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.glob("*coach.tar.gz*")] == ["coach.tar.gz"]


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        cwd=root,
        env={**os.environ, "BOT_HOME": str(root / "home"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_both_commands_on_the_command_line(filled: Places, tmp_path: Path) -> None:
    file = str(tmp_path / "coach.tar.gz")
    done = run(tmp_path / "old", "backup", file)
    assert done.returncode == 0, done.stderr
    assert "documents (3 files)" in done.stdout
    assert "BOT_HOME" in done.stdout
    (tmp_path / "new").mkdir()
    assert run(tmp_path / "new", "restore", file).returncode == 0
    again = run(tmp_path / "new", "restore", file)
    assert again.returncode == 1
    assert len(again.stderr.strip().splitlines()) == 1
    assert "--replace" in again.stderr
    assert run(tmp_path / "new", "restore", file, "--replace").returncode == 0
    assert tree(tmp_path / "new") == kept(filled)
