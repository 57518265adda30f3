"""Entries and vectors through a real Chroma database and back; damage is found before Chroma sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.errors import IndexError_
from bot.knowledge import store
from tests.fakes import HashEmbedder
from tests.knowledge.entries import ENTRIES, vectors_of


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "chroma"
    store.write(folder, ENTRIES, vectors_of(ENTRIES, HashEmbedder()))
    return folder


def test_every_entry_comes_back_whole_with_its_vector(written: Path) -> None:
    entries, vectors = store.read(written)
    assert sorted(entries, key=lambda entry: entry.id) == sorted(ENTRIES, key=lambda entry: entry.id)
    expected = vectors_of(entries, HashEmbedder())
    assert vectors.dtype == np.float32
    assert np.abs(vectors - expected).max() < 1e-5


def test_order_does_not_depend_on_the_order_of_writing(written: Path, tmp_path: Path) -> None:
    store.write(tmp_path, ENTRIES[::-1], vectors_of(ENTRIES[::-1], HashEmbedder()))
    assert store.read(tmp_path)[0] == store.read(written)[0]


def test_reading_changes_no_byte(written: Path) -> None:
    before = store.digest(written)
    store.read(written)
    assert store.digest(written) == before


def test_digest_changes_with_any_byte_file_or_name(written: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    first = store.digest(tmp_path)
    (tmp_path / "a").write_bytes(b"1235")
    second = store.digest(tmp_path)
    (tmp_path / "b").write_bytes(b"")
    third = store.digest(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    assert len({first, second, third, store.digest(tmp_path)}) == 4


def test_missing_folder_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(IndexError_, match="missing"):
        store.read(tmp_path / "nothing")


def test_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IndexError_, match="could not be written"):
        store.write(tmp_path / "file" / "chroma", ENTRIES, vectors_of(ENTRIES, HashEmbedder()))


def test_empty_index_can_be_written_and_read(tmp_path: Path) -> None:
    store.write(tmp_path, [], vectors_of([], HashEmbedder()))
    entries, vectors = store.read(tmp_path)
    assert entries == []
    assert vectors.shape == (0, 384)
