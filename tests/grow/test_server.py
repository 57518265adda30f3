"""The index in a real Chroma server that several machines share: built, read back, switched, damaged, away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.cues import Cues
from bot.current import SHIPPED, CurrentIndex
from bot.errors import IndexError_, SettingsError
from bot.knowledge import store
from bot.knowledge.base import Entry, Kind
from bot.knowledge.build import IndexHome, content_hash
from bot.knowledge.index import Index
from bot.knowledge.server import ChromaServer
from bot.types import Passage
from tests.fakes import HashEmbedder
from tests.grow.chroma import Chroma, chroma
from tests.knowledge.entries import ENTRIES
from tests.servers import closed_port

pytestmark = pytest.mark.servers
SHIPPED_ENTRIES = [entry for entry in ENTRIES if entry.kind is not Kind.PASSAGE]
OWN = [entry for entry in ENTRIES if entry.kind is Kind.PASSAGE]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroma]:
    with chroma(tmp_path_factory.mktemp("chroma")) as running:
        yield running


@pytest.fixture
def clean(server: Chroma) -> Chroma:
    """The server with nothing in it."""
    with client(server) as connection:
        for collection in connection.list_collections():
            connection.delete_collection(collection.name)
    return server


def client(server: Chroma):  # type: ignore[no-untyped-def]
    return closing(store.connect("127.0.0.1", server.port, tls=False, headers={}, seconds=10))


def names(server: Chroma) -> list[str]:
    with client(server) as connection:
        return sorted(collection.name for collection in connection.list_collections())


def machine(server: Chroma, folder: Path) -> IndexHome:
    """One machine's view of the shared index."""
    return IndexHome(folder, ChromaServer(server.address))


def built(home: IndexHome, entries: list[Entry] = ENTRIES, accept: Callable[[Index], str | None] | None = None) -> Index:
    return home.build(entries, {}, HashEmbedder(), accept)


def soon(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.02)
    return true()


def test_what_one_machine_built_another_reads_exactly(clean: Chroma, tmp_path: Path) -> None:
    assert machine(clean, tmp_path / "a").current is None
    index = built(machine(clean, tmp_path / "a"))
    other = machine(clean, tmp_path / "b")
    assert other.current == index.generation
    read = other.open(index.generation)
    assert read.entries == index.entries
    assert (read.vectors == index.vectors).all()
    assert other.manifest(index.generation).outdated(content_hash(ENTRIES)) is None


def test_killed_server_gives_the_same_bytes_back(clean: Chroma, tmp_path: Path) -> None:
    home = machine(clean, tmp_path)
    index = built(home)
    clean.kill()
    with pytest.raises(IndexError_, match="Check that it runs"):
        _ = home.current
    clean.start()
    assert home.current == index.generation
    assert (home.open(index.generation).vectors == index.vectors).all()


def test_current_and_the_one_before_are_kept(clean: Chroma, tmp_path: Path) -> None:
    home = machine(clean, tmp_path)
    generations = [built(home).generation for _ in range(4)]
    assert names(clean) == ["trust-coach-current", *(f"trust-coach-{name}" for name in generations[-2:])]


def test_refused_generation_leaves_nothing_behind(clean: Chroma, tmp_path: Path) -> None:
    home = machine(clean, tmp_path)
    good = built(home).generation
    with pytest.raises(IndexError_, match="not made current: too few"):
        built(home, accept=lambda _: "too few")
    assert home.current == good
    assert names(clean) == ["trust-coach-current", f"trust-coach-{good}"]


def test_slower_machine_does_not_put_an_older_index_over_a_newer_one(clean: Chroma, tmp_path: Path) -> None:
    newer: list[str] = []

    def meanwhile(_: Index) -> None:
        newer.append(built(machine(clean, tmp_path / "b")).generation)

    with pytest.raises(IndexError_, match="newer index"):
        built(machine(clean, tmp_path / "a"), accept=meanwhile)
    assert machine(clean, tmp_path / "a").current == newer[0]


@pytest.mark.parametrize("damage", ["entry lost", "text changed", "vector changed", "collection lost"])
def test_damage_is_found_and_mended_by_the_next_start(clean: Chroma, tmp_path: Path, damage: str) -> None:
    home = machine(clean, tmp_path)
    generation = built(home).generation
    with client(clean) as connection:
        collection = connection.get_collection(f"trust-coach-{generation}", embedding_function=None)
        name = ENTRIES[3].id
        if damage == "entry lost":
            collection.delete(ids=[name])
        elif damage == "text changed":
            collection.update(ids=[name], documents=["Something else?"], embeddings=[[0.5] * 384])
        elif damage == "vector changed":
            collection.update(ids=[name], embeddings=[[0.5] * 384])
        else:
            connection.delete_collection(collection.name)
    with pytest.raises(IndexError_):
        home.open(generation)
    current = CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues())
    assert current.open()
    assert current.generation == SHIPPED
    mended = current.build().generation
    assert home.current == mended
    home.open(mended)


def test_running_processes_take_up_what_another_machine_builds(clean: Chroma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.current.SHARED_LOOK_SECONDS", 0.05)
    built(machine(clean, tmp_path / "a"))
    running = [CurrentIndex(machine(clean, tmp_path / name), ENTRIES, {}, HashEmbedder(), Cues()) for name in ("b", "c")]
    assert not any(current.open() for current in running)
    renewed = built(machine(clean, tmp_path / "a")).generation
    for current in running:
        assert soon(lambda current=current: current.retriever().index.generation == renewed)  # type: ignore[misc]


def test_server_that_goes_away_and_comes_back_costs_no_answer(clean: Chroma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.current.SHARED_LOOK_SECONDS", 0.05)
    first = built(machine(clean, tmp_path / "a")).generation
    current = CurrentIndex(machine(clean, tmp_path / "b"), ENTRIES, {}, HashEmbedder(), Cues())
    current.open()
    clean.kill()
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert current.retriever().index.generation == first
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)
    assert slowest < 0.2
    clean.start()
    renewed = built(machine(clean, tmp_path / "a")).generation
    assert soon(lambda: current.retriever().index.generation == renewed)


def test_start_without_the_server_answers_from_memory_and_takes_the_index_up_later(
    clean: Chroma, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.current.SHARED_LOOK_SECONDS", 0.05)
    generation = built(machine(clean, tmp_path / "a")).generation
    clean.kill()
    current = CurrentIndex(machine(clean, tmp_path / "b"), ENTRIES, {}, HashEmbedder(), Cues())
    assert current.open()
    assert "Check that it runs" in current.notice
    assert len(current.retriever().index.entries) == len(ENTRIES)
    current.build_behind().join(30)
    assert "could not be written" in current.failure
    clean.start()
    assert soon(lambda: current.retriever().index.generation == generation)
    assert current.failure == ""


def test_documents_of_the_shared_index_win_over_those_of_a_machine_without_any(clean: Chroma, tmp_path: Path) -> None:
    generation = built(machine(clean, tmp_path / "a"), SHIPPED_ENTRIES + OWN).generation
    current = CurrentIndex(machine(clean, tmp_path / "b"), SHIPPED_ENTRIES, {}, HashEmbedder(), Cues())
    assert not current.open()
    assert current.generation == generation
    assert current.holds(SHIPPED_ENTRIES + OWN)
    assert not current.holds(SHIPPED_ENTRIES)


def test_newer_program_keeps_the_documents_that_it_finds(clean: Chroma, tmp_path: Path) -> None:
    built(machine(clean, tmp_path / "a"), SHIPPED_ENTRIES + OWN)
    newer = [*SHIPPED_ENTRIES, replace(SHIPPED_ENTRIES[0], number=99, text="A new phrasing?")]
    current = CurrentIndex(machine(clean, tmp_path / "b"), newer, {}, HashEmbedder(), Cues())
    assert current.open()
    assert set(current.build().entries) == {*newer, *OWN}


def test_ingest_replaces_the_documents(clean: Chroma, tmp_path: Path) -> None:
    built(machine(clean, tmp_path / "a"), SHIPPED_ENTRIES + OWN)
    passage = Passage("plan#0", "plan", "Plan", "en", "We meet on Mondays.", 0, 19, own=True)
    ingested = [*SHIPPED_ENTRIES, Entry(Kind.PASSAGE, "plan#0", "en", 0, passage.text, passage)]
    current = CurrentIndex(machine(clean, tmp_path / "b"), ingested, {}, HashEmbedder(), Cues())
    assert not current.open()
    assert not current.holds(ingested)
    assert set(current.build(entries=ingested).entries) == set(ingested)


def test_two_machines_building_at_once_leave_one_good_index(clean: Chroma, tmp_path: Path) -> None:
    failed: list[str] = []

    def build(name: str) -> None:
        try:
            built(machine(clean, tmp_path / name))
        except IndexError_ as error:
            failed.append(str(error))

    builders = [threading.Thread(target=build, args=(name,)) for name in ("a", "b", "c")]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join(60)
    home = machine(clean, tmp_path / "a")
    generation = home.current
    assert generation is not None
    assert home.open(generation).entries
    assert len(failed) < 3


def test_silent_server_is_away_within_seconds() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        began = time.monotonic()
        with pytest.raises(IndexError_, match="could not be asked"):
            ChromaServer(f"http://127.0.0.1:{deaf.getsockname()[1]}").current()
        assert time.monotonic() - began < 10


def test_refused_connection_names_the_settings() -> None:
    with pytest.raises(IndexError_, match="chroma_url and chroma_token"):
        ChromaServer(f"http://127.0.0.1:{closed_port()}").current()


@pytest.mark.parametrize("address", ["10.0.0.5:8000", "ftp://h", "http://", "http://h:99999", "http://h/path", "http://h:8000?x=1"])
def test_impossible_address_is_a_settings_error(address: str) -> None:
    with pytest.raises(SettingsError, match="chroma_url"):
        ChromaServer(address)


@pytest.mark.parametrize(("address", "public"), [("http://127.0.0.1:1", False), ("http://10.1.2.3:1", False), ("http://8.8.8.8:1", True)])
def test_public_address_is_told(address: str, public: bool) -> None:
    assert ChromaServer(address).public is public
