"""Building an index and making it current, through damage, kills, locks and swaps."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest

from bot.config import ROOT
from bot.cues import Cues
from bot.current import SHIPPED, STEPPED_ASIDE, CurrentIndex, step_aside
from bot.errors import IndexError_, IndexLockedError
from bot.knowledge.base import Entry, Kind, load_knowledge
from bot.knowledge.build import IndexHome, content_hash
from bot.knowledge.index import Index
from bot.knowledge.vectors import load_vectors
from tests.fakes import HashEmbedder
from tests.knowledge.entries import ENTRIES


@pytest.fixture
def home(tmp_path: Path) -> IndexHome:
    return IndexHome(tmp_path / "index")


def built(home: IndexHome, entries: list[Entry] = ENTRIES, embedder: HashEmbedder | None = None) -> Index:
    return home.build(entries, {}, embedder or HashEmbedder())


def generations(home: IndexHome) -> list[str]:
    return sorted(path.name for path in home.folder.glob("g-*"))


def test_built_index_is_current_and_opens(home: IndexHome) -> None:
    index = built(home)
    assert home.current == index.generation
    assert home.open(index.generation).entries == index.entries
    assert home.manifest(index.generation).outdated(content_hash(ENTRIES)) is None


def test_each_entry_finds_itself(home: IndexHome) -> None:
    index = built(home)
    assert (np.argmax(index.vectors @ index.vectors.T, axis=1) == np.arange(len(index.entries))).all()


def test_known_vectors_are_not_embedded_again(home: IndexHome) -> None:
    embedder = HashEmbedder()
    first = built(home, ENTRIES, embedder)
    assert sorted(embedder.texts) == sorted(entry.text for entry in ENTRIES)
    known = {entry.vector_key: vector for entry, vector in zip(first.entries, first.vectors, strict=True)}
    changed = [*ENTRIES[1:], replace(ENTRIES[0], text="A new way to ask")]
    again = HashEmbedder()
    home.build(changed, known, again)
    assert again.texts == ["A new way to ask"]


def test_same_text_as_question_and_as_passage_is_embedded_as_each(home: IndexHome) -> None:
    embedder = HashEmbedder()
    text = ENTRIES[-1].text
    index = built(home, [ENTRIES[-1], Entry(Kind.ASK, "tip", "nb", 0, text)], embedder)
    assert embedder.texts == [text, text]
    assert float(index.vectors[0] @ index.vectors[1]) < 0.5


def test_progress_ends_with_everything_embedded(home: IndexHome) -> None:
    steps: list[tuple[int, int]] = []
    home.build(ENTRIES, {}, HashEmbedder(), progress=lambda done, of: steps.append((done, of)))
    assert steps[-1] == (len(ENTRIES), len(ENTRIES))


@pytest.mark.parametrize("field", ["content", "embedder", "splitter", "chroma", "schema"])
def test_any_difference_to_the_running_program_is_named(home: IndexHome, field: str) -> None:
    generation = built(home).generation
    path = home.folder / generation / "manifest.json"
    raw = asdict(home.manifest(generation))
    path.write_text(json.dumps({**raw, field: 0 if field == "schema" else "older"}), encoding="utf-8")
    assert home.manifest(generation).outdated(content_hash(ENTRIES)) == f"{field} changed"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\x00\x01"])
def test_damaged_manifest_is_found(home: IndexHome, content: str) -> None:
    generation = built(home).generation
    (home.folder / generation / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(IndexError_, match=r"manifest.* cannot be read"):
        home.open(generation)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def flip_bytes(path: Path, count: int = 20, seed: int = 5) -> None:
    raw, dice = bytearray(path.read_bytes()), random.Random(seed)  # noqa: S311
    for _ in range(count):
        raw[dice.randrange(len(raw))] ^= dice.randrange(1, 256)
    path.write_bytes(raw)


DAMAGES: list[Callable[[Path], None]] = [cut_in_half, cut_to_nothing, flip_bytes, Path.unlink]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_database_is_found_before_chroma_sees_it(home: IndexHome, damage: Callable[[Path], None]) -> None:
    generation = built(home).generation
    damage(home.folder / generation / "chroma" / "chroma.sqlite3")
    with pytest.raises(IndexError_, match="is damaged"):
        home.open(generation)


def test_single_flipped_byte_is_found_wherever_it_is(home: IndexHome) -> None:
    generation = built(home).generation
    path = home.folder / generation / "chroma" / "chroma.sqlite3"
    whole = path.read_bytes()
    for seed in range(20):
        flip_bytes(path, 1, seed)
        with pytest.raises(IndexError_):
            home.open(generation)
        path.write_bytes(whole)
    home.open(generation)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_index_is_rebuilt_and_questions_are_answered_meanwhile(home: IndexHome, damage: Callable[[Path], None]) -> None:
    damaged = built(home).generation
    damage(home.folder / damaged / "chroma" / "chroma.sqlite3")
    current = CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues())
    assert current.open()
    assert "damaged" in current.notice
    assert current.generation == SHIPPED
    assert len(current.retriever().index.entries) == len(ENTRIES)
    time.sleep(0.05)
    assert current.retriever().index.generation == SHIPPED
    current.build()
    assert home.current == current.generation != damaged
    assert not CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues()).open()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00rubbish", b"g-404\n", b"../../etc\n", b"\x00"])
def test_damaged_pointer_means_a_rebuild(home: IndexHome, content: bytes) -> None:
    built(home)
    (home.folder / "current").write_bytes(content)
    current = CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues())
    assert current.open()
    current.build()
    assert home.open(current.generation)


def test_outdated_index_is_not_taken_up_again_while_the_new_one_is_built(home: IndexHome) -> None:
    built(home, ENTRIES[:10])
    current = CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues())
    assert current.open()
    assert current.notice == "The index is built anew: content changed."
    for _ in range(3):
        assert len(current.retriever().index.entries) == len(ENTRIES)
        time.sleep(0.1)


def test_outdated_index_lends_its_vectors(home: IndexHome) -> None:
    built(home, ENTRIES[:-1])
    embedder = HashEmbedder()
    current = CurrentIndex(home, ENTRIES, {}, embedder, Cues())
    current.open()
    current.build()
    assert set(embedder.texts) == {ENTRIES[-1].text}


def test_index_that_is_not_accepted_leaves_the_old_one(home: IndexHome) -> None:
    before = built(home).generation
    with pytest.raises(IndexError_, match="golden question"):
        home.build(ENTRIES, {}, HashEmbedder(), accept=lambda _: "a golden question fails")
    assert home.current == before
    assert generations(home) == [before]
    assert home.open(before)


def test_only_the_last_good_one_is_kept(home: IndexHome) -> None:
    made = [built(home).generation for _ in range(3)]
    assert generations(home) == made[1:]


def test_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IndexError_, match="permissions"):
        built(IndexHome(tmp_path / "file" / "index"))


class GatedEmbedder(HashEmbedder):
    """Waits for a gate before it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.gate = threading.Event(), threading.Event()

    def _embed(self, kind: str, texts):  # type: ignore[no-untyped-def]
        self.began.set()
        self.gate.wait(20)
        return super()._embed(kind, texts)


def test_second_writer_is_refused_at_once_and_the_first_completes(home: IndexHome) -> None:
    slow = GatedEmbedder()
    first = threading.Thread(target=built, args=(home, ENTRIES, slow))
    first.start()
    assert slow.began.wait(10)
    code = (
        "import sys; from pathlib import Path; from bot.errors import IndexLockedError; from bot.knowledge.build import IndexHome\n"
        "from tests.fakes import HashEmbedder\n"
        "try: IndexHome(Path(sys.argv[1])).build([], {}, HashEmbedder())\n"
        "except IndexLockedError: sys.exit(7)"
    )
    other = subprocess.run([sys.executable, "-c", code, str(home.folder)], cwd=ROOT, timeout=20, check=False)
    assert other.returncode == 7
    began = time.monotonic()
    with pytest.raises(IndexLockedError, match="Another process"):
        built(home)
    assert time.monotonic() - began < 0.5
    slow.gate.set()
    first.join(20)
    assert home.open(str(home.current))
    assert built(home).generation == home.current


def test_failed_build_does_not_hold_the_lock(home: IndexHome) -> None:
    kept = []
    for _ in range(2):
        with pytest.raises(IndexError_) as caught:
            home.build(ENTRIES, {}, HashEmbedder(), accept=lambda _: "not good")
        assert not isinstance(caught.value, IndexLockedError)
        kept.append(caught)
    assert built(home).generation == home.current


def build_slowly(folder: Path, began: Event) -> None:
    """Runs in a process of its own."""
    began.set()
    IndexHome(folder).build(ENTRIES, {}, HashEmbedder())


def test_killed_builder_never_harms_the_old_index(home: IndexHome) -> None:
    built(home)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["chromadb", "tests.knowledge.entries", "tests.fakes"])
    dice = random.Random(11)  # noqa: S311
    unfinished = 0
    for _ in range(10):
        began = context.Event()
        builder = context.Process(target=build_slowly, args=(home.folder, began))
        builder.start()
        assert began.wait(20)
        time.sleep(dice.uniform(0, 0.2))
        builder.kill()
        builder.join()
        unfinished += builder.exitcode == -signal.SIGKILL
        assert len(home.open(str(home.current)).entries) == len(ENTRIES)
    assert unfinished >= 5
    assert built(home).generation == home.current
    assert len(generations(home)) == 2


def test_index_is_swapped_while_questions_are_asked(home: IndexHome) -> None:
    current = CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues())
    current.open()
    stop, wrong, seen = threading.Event(), [], set()

    def ask() -> None:
        while not stop.is_set():
            retriever = current.retriever()
            index = retriever.index
            seen.add(index.generation)
            row = len(seen) % len(index.entries)
            best = index.nearest_passages(index.vectors[row], "en", 1)
            if len(index.entries) != len(index.vectors) or [hit.passage.id for hit in best] != ["rules#12"]:
                wrong.append(index.generation)
            time.sleep(0.002)  # two spinning threads would leave the builder no processor

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    mine = current.build().generation
    other = built(home).generation
    until = time.monotonic() + 30
    while current.generation != other and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert seen >= {SHIPPED, mine, other}


def test_shipped_vectors_cover_the_shipped_texts() -> None:
    """Otherwise the first start embeds thousands of texts."""
    entries = list(load_knowledge(ROOT / "data").entries())
    known = load_vectors(ROOT / "data" / "languages")
    missing = [entry for entry in entries if entry.vector_key not in known]
    assert len(missing) <= 0.02 * len(entries), f"{len(missing)} texts have no vector: python run.py vectors"


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux only")
def test_building_behind_leaves_the_processors_to_the_answers() -> None:
    found: list[int] = []

    def work() -> None:
        step_aside()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [STEPPED_ASIDE]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
