"""The shelf in step with folders: what is new, changed, doubled, gone or unreadable."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.knowledge.documents import DocumentShelf, Outcome
from tests.knowledge.files import SENTENCES, make_docx, make_odt, make_pdf

X, Y, Z = (SENTENCES[language] for language in ("en", "de", "sv"))


class Office:
    """A folder of documents and the shelf that follows it."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "office"
        self.folder.mkdir()
        self.shelf = DocumentShelf(place / "documents")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def ingest(self, *paths: Path) -> Outcome:
        return self.shelf.ingest(paths or [self.folder], lambda text: "de" if "Sie" in text else "en")

    def texts(self) -> dict[str, str]:
        return {Path(document.path).name: document.text for document in self.shelf.documents()}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def names(paths: Sequence[Path]) -> list[str]:
    return sorted(path.name for path in paths)


def test_folder_of_every_kind_is_taken_in(office: Office) -> None:
    office.write("a.txt", X)
    office.write("deep/b.md", Y)
    make_docx(office.folder / "c.docx", [Z])
    make_odt(office.folder / "d.odt", "Rules", [Z])
    make_pdf(office.folder / "e.pdf", [["A page about promises and how to keep them in time."]])
    office.write("f.html", f"<html><body><article><p>{X} {Z}</p></article></body></html>")
    outcome = office.ingest()
    assert outcome.refused == []
    assert names(outcome.added) == ["a.txt", "b.md", "c.docx", "d.odt", "e.pdf", "f.html"]
    assert {document.language for document in office.shelf.documents()} == {"de", "en"}


def test_passages_are_slices_of_the_text(office: Office) -> None:
    office.write("a.md", "\n\n".join(f"## Point {n}\n{X}" for n in range(3)))
    office.ingest()
    (document,) = office.shelf.documents()
    entries = list(office.shelf.entries())
    assert [document.text[start:end] for start, end, _ in document.passages] == [entry.text for entry in entries]
    for entry in entries:
        assert entry.passage is not None
        assert entry.passage.own
        assert entry.passage.text == document.text[entry.passage.start : entry.passage.end] == entry.text
    assert [entry.passage.title for entry in entries if entry.passage] == ["a: Point 0", "a: Point 1", "a: Point 2"]


def test_second_ingest_changes_nothing(office: Office) -> None:
    office.write("a.txt", X)
    office.ingest()
    records = {path: path.stat().st_mtime_ns for path in (office.folder.parent / "documents").iterdir()}
    outcome = office.ingest()
    assert names(outcome.unchanged) == ["a.txt"]
    assert {path: path.stat().st_mtime_ns for path in records} == records


def test_same_content_twice_is_one_document(office: Office) -> None:
    office.write("a.txt", X)
    shutil.copy(office.folder / "a.txt", office.folder / "b.md")
    outcome = office.ingest()
    assert (names(outcome.added), names(outcome.doubled)) == (["a.txt"], ["b.md"])
    assert len(office.shelf.documents()) == 1


def test_changed_file_replaces_its_document(office: Office) -> None:
    office.write("a.txt", X)
    office.ingest()
    office.write("a.txt", Y)
    assert names(office.ingest().changed) == ["a.txt"]
    assert office.texts() == {"a.txt": Y}


def test_file_that_becomes_a_copy_of_another_leaves_no_old_text(office: Office) -> None:
    office.write("a.txt", X)
    office.write("b.txt", Y)
    office.ingest()
    office.write("b.txt", X)
    assert names(office.ingest().doubled) == ["b.txt"]
    assert office.texts() == {"a.txt": X}


@pytest.mark.parametrize(("holder", "copy"), [("a.txt", "b.txt"), ("b.txt", "a.txt")])
def test_copy_takes_over_when_the_one_that_held_its_text_changes(office: Office, holder: str, copy: str) -> None:
    office.write(holder, X)
    office.ingest()
    office.write(copy, X)
    office.ingest()
    office.write(holder, Y)
    office.ingest()
    assert office.texts() == {holder: Y, copy: X}


def test_copy_takes_over_when_the_one_that_held_its_text_is_gone(office: Office) -> None:
    first = office.write("a.txt", X)
    office.write("b.txt", X)
    office.ingest()
    first.unlink()
    outcome = office.ingest()
    assert names(outcome.removed) == ["a.txt"]
    assert office.texts() == {"b.txt": X}


def test_text_that_moved_to_another_folder_is_on_the_shelf_once(office: Office, tmp_path: Path) -> None:
    office.write("a.txt", X)
    office.ingest()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (office.folder / "a.txt").rename(elsewhere / "a.txt")
    office.ingest(elsewhere)
    assert [document.path for document in office.shelf.documents()] == [str(elsewhere / "a.txt")]
    ids = [entry.id for entry in office.shelf.entries()]
    assert len(ids) == len(set(ids))


def test_removed_file_leaves_the_shelf_and_others_stay(office: Office) -> None:
    gone = office.write("a.txt", X)
    office.write("b.txt", Y)
    office.ingest()
    gone.unlink()
    assert names(office.ingest().removed) == ["a.txt"]
    assert office.texts() == {"b.txt": Y}


def test_removed_file_that_is_named_itself_leaves_the_shelf(office: Office) -> None:
    gone = office.write("a.txt", X)
    office.ingest()
    gone.unlink()
    outcome = office.ingest(gone)
    assert names(outcome.removed) == ["a.txt"]
    assert office.texts() == {}


def test_other_folders_are_left_alone(office: Office, tmp_path: Path) -> None:
    office.write("one/a.txt", X)
    office.write("two/b.txt", Y)
    office.ingest()
    shutil.rmtree(office.folder / "two")
    office.ingest(office.folder / "one")
    assert sorted(office.texts()) == ["a.txt", "b.txt"]


def test_refused_file_stops_nobody_and_keeps_what_the_shelf_had(office: Office) -> None:
    path = office.write("a.txt", X)
    office.write("b.txt", Y)
    office.ingest()
    path.write_bytes(b"%PDF-1.4 not text any more")
    office.write("c.txt", Z)
    outcome = office.ingest()
    assert [(refused.path.name, "\n" in refused.reason) for refused in outcome.refused] == [("a.txt", False)]
    assert office.texts() == {"a.txt": X, "b.txt": Y, "c.txt": Z}


def test_missing_path_is_refused(office: Office) -> None:
    (refused,) = office.ingest(office.folder / "nothing").refused
    assert "does not exist" in refused.reason


def test_hidden_and_unknown_files_are_passed_over(office: Office) -> None:
    office.write(".git/a.txt", X)
    office.write(".hidden.txt", X)
    office.write("table.xlsx", X)
    office.write("b.txt", Y)
    assert names(office.ingest().added) == ["b.txt"]


def test_file_name_that_is_no_utf8_is_taken(office: Office) -> None:
    path = os.fsencode(office.folder) + b"/r\xe6gler.txt"
    Path(os.fsdecode(path)).write_text(X, encoding="utf-8")
    outcome = office.ingest()
    assert len(outcome.added) == 1
    assert office.ingest().unchanged == outcome.added
    for entry in office.shelf.entries():
        assert entry.passage is not None
        entry.passage.title.encode("utf-8")


def test_damaged_record_is_read_again_from_its_file(office: Office) -> None:
    office.write("a.txt", X)
    office.ingest()
    (record,) = (office.folder.parent / "documents").glob("*.json")
    record.write_bytes(record.read_bytes()[:50])
    assert office.shelf.documents() == []
    assert names(office.ingest().added) == ["a.txt"]
    assert office.texts() == {"a.txt": X}


def test_shelf_that_cannot_be_written_refuses_each_file_in_one_line(office: Office) -> None:
    office.write("a.txt", X)
    (office.folder.parent / "documents").write_bytes(b"a file where the folder should be")
    (refused,) = office.ingest().refused
    assert "could not be kept" in refused.reason
    assert "\n" not in refused.reason


def test_file_that_does_not_fit_the_disk_leaves_the_old_text(office: Office) -> None:
    office.write("a.txt", X)
    office.ingest()
    office.write("a.txt", Y * 2000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        outcome = office.ingest()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "could not be kept" in outcome.refused[0].reason
    assert office.texts() == {"a.txt": X}


def test_document_is_found_by_its_id(office: Office) -> None:
    office.write("a.txt", X)
    office.ingest()
    (document,) = office.shelf.documents()
    assert office.shelf.document(document.id) == document
    assert office.shelf.document("unknown") is None
