"""The index's files damaged, its disk full or read-only, two who build at once, and swaps under constant questions."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from bot.config import ROOT
from bot.current import SHIPPED, CurrentIndex
from bot.errors import IndexError_
from bot.knowledge.base import Entry, Kind
from bot.knowledge.index import Index
from bot.types import Passage
from tests.fakes import HashEmbedder
from tests.faults.office import ALL, DOCUMENTS, Asker, Office, chat_over, shipped
from tests.faults.trial import Row, Trial

Damage = Callable[[bytes], bytes]
SECONDS = 1.0
"""Within which a second builder has to be refused."""


def office_of(place: Path, languages: tuple[str, ...] = ("en", "nb")) -> Office:
    """An office whose documents are on the shelf."""
    office = Office(place, languages)
    for number in range(DOCUMENTS):
        office.write(number, 1)
    office.ingest()
    return office


def damage(trial: Trial) -> list[Row]:
    """Every file of the index cut at 20 places and one bit turned at 100, and what opening it makes of that."""
    office = office_of(trial.place("damage"), ALL)
    whole = office.build()
    dice = trial.dice("damage")
    files = sorted(path for path in office.index.folder.rglob("*") if path.is_file() and path.name != "lock" and path.stat().st_size)
    cuts, flips, wrong = 0, 0, []
    for path in files:
        intact = path.read_bytes()
        for change in _damages(dice, len(intact), trial.many(5, 20), trial.many(15, 100)):
            damaged = change(intact)
            cuts, flips = cuts + (len(damaged) < len(intact)), flips + (len(damaged) == len(intact))
            path.write_bytes(damaged)
            wrong += [f"{path.name}: {problem}" for problem in _not_noticed(office, whole)]
        path.write_bytes(intact)
    rebuilt, answered = _rebuilt(trial, office, files)
    how = f"{len(files)} files, {cuts} cuts, {flips} turned bits; each found on opening, or without effect on a single entry"
    return [
        Row.of("every index file truncated and flipped: not noticed, or a crash", cuts + flips, wrong, how),
        Row.of("… not rebuilt at the next start", *rebuilt),
        Row.of("… answers of the page meanwhile", *answered),
    ]


def _damages(dice: random.Random, size: int, cuts: int, flips: int) -> Iterator[Damage]:
    for length in dice.sample(range(size), min(cuts, size)):
        yield lambda raw, length=length: raw[:length]  # type: ignore[misc]
    for place in dice.sample(range(size), min(flips, size)):
        bit = 1 << dice.randrange(8)
        yield lambda raw, place=place, bit=bit: raw[:place] + bytes([raw[place] ^ bit]) + raw[place + 1 :]  # type: ignore[misc]


def _not_noticed(office: Office, whole: Index) -> list[str]:
    """Opens it as a start does: the damage is found, or what is read is exactly what was written."""
    try:
        generation = office.index.current
        if generation is None:
            return []
        index = office.index.open(generation)
    except IndexError_ as error:
        return [] if "\n" not in str(error) else [f"not one line: {error}"]
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    same = index.entries == whole.entries and np.array_equal(index.vectors, whole.vectors)
    return [] if same else ["opened, with other entries"]


def _rebuilt(trial: Trial, office: Office, files: list[Path]) -> tuple[tuple[int, list[str]], tuple[int, list[str]]]:
    """Damages a file, starts the chat over it as it is, lets it rebuild behind, and asks all the while."""
    dice, asked = trial.dice("rebuilt"), 0
    wrong: list[str] = []
    unanswered: list[str] = []
    for _ in range(trial.many(2, 12)):
        path = dice.choice([path for path in office.index.folder.rglob("*") if path.is_file() and path.stat().st_size > 20])
        change = dice.choice(list(_damages(dice, path.stat().st_size, 5, 5)))
        path.write_bytes(change(path.read_bytes()))
        before = office.index.current
        with chat_over(office) as (address, current), Asker(address) as asker:
            behind = current.generation == SHIPPED
            current.build_behind().join(60)
            while asker.answered < 2:
                time.sleep(0.05)
        asked, unanswered = asked + asker.answered, unanswered + asker.wrong
        if current.failure or office.index.current == before or not office.index.open(current.generation).entries:
            wrong.append(f"{path.name}: {current.failure or 'the damaged one is still current'} ({behind})")
    return (trial.many(2, 12), wrong), (asked, unanswered)


def disk(trial: Trial) -> list[Row]:
    """A disk that fills up at any moment of ingest and build, and one that is read-only."""
    place, dice = trial.place("disk"), trial.dice("disk")
    full: list[str] = []
    read_only: list[str] = []
    many, few, refused = trial.many(4, 40), trial.many(2, 10), 0
    with _small_disk(place) as limited:
        office = office_of(place)
        office.build()
        for number in range(many):
            office.write(number % DOCUMENTS, number + 2)
            with limited(dice.randrange(0, 2_000_000)):
                said, wrong = _tried(office)
            refused += bool(said)
            full += [f"{number}: {problem}" for problem in wrong + _retried(office, number % DOCUMENTS, number + 2)]
        for number in range(few):
            office.write(0, 1000 + number)
            with _read_only(place) as enforced:
                if not enforced:
                    few = 0
                    break
                said, wrong = _tried(office)
            read_only += [f"{number}: {problem}" for problem in wrong + _retried(office, 0, 1000 + number)]
            read_only += [] if said else [f"{number}: nothing was said"]
    figure = f"{refused} refused; {'tmpfs with 0–2 MB left' if few else 'largest file limited'}"
    return [
        Row.of("disk full in ingest and build: old index lost, no clear line, retry fails", many, full, figure),
        Row.of("read-only home: the same", few, read_only),
    ]


def _tried(office: Office) -> tuple[list[str], list[str]]:
    """Ingest and build where it may not go: what was said, and what is wrong with that or with the index afterwards."""
    before = office.index.current
    said = [refused.reason for refused in office.ingest().refused]
    wrong = []
    try:
        office.build()
    except IndexError_ as error:
        said.append(str(error))
        if office.index.current != before:
            wrong.append(f"{office.index.current} is current, though not built; {before} was")
    wrong += [f"unclear: {line}" for line in said if "\n" in line or not any(word in line for word in ("try again", "Free", "Check"))]
    try:
        office.index.open(str(office.index.current))
    except IndexError_ as error:
        wrong.append(str(error))
    return said, wrong


def _retried(office: Office, number: int, version: int) -> list[str]:
    """The same again with room: it has to work."""
    office.ingest()
    try:
        generation = office.build().generation
    except IndexError_ as error:
        return [f"retry: {error}"]
    done = office.versions().get(number) == version and office.index.current == generation
    return [] if done else [f"retry: document {number} is {office.versions().get(number)}"]


@contextmanager
def _small_disk(place: Path) -> Iterator[Callable[[int], AbstractContextManager[None]]]:
    """A disk of its own below a folder, and a way to leave only so many bytes free on it for a while."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", place], capture_output=True, check=False).returncode == 0

    @contextmanager
    def limited(free: int) -> Iterator[None]:
        filler = place / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(place).free - free))
        try:
            yield
        finally:
            filler.unlink()

    try:
        if mounted:
            yield limited
        else:
            yield _limited_files
    finally:
        if mounted:
            subprocess.run(["umount", "-l", place], check=False)


@contextmanager
def _limited_files(largest: int) -> Iterator[None]:
    """Where nothing can be mounted: no file may grow beyond a size."""
    import resource  # noqa: PLC0415

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def _read_only(place: Path) -> Iterator[bool]:
    """The disk is read-only for a while; False where that cannot be made so."""
    done = subprocess.run(["mount", "-o", "remount,ro", place], capture_output=True, check=False).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["mount", "-o", "remount,rw", place], check=True)


def two_builders(trial: Trial) -> list[Row]:
    """A second process on the folder while the first one builds."""
    office = office_of(trial.place("two"))
    wrong, slowest, many = [], 0.0, trial.many(3, 20)
    code = (
        "import sys, time; from pathlib import Path; from bot.errors import IndexLockedError; from bot.knowledge.build import IndexHome\n"
        "from tests.fakes import HashEmbedder\n"
        "began = time.monotonic()\n"
        "try: IndexHome(Path(sys.argv[1])).build([], {}, HashEmbedder())\n"
        "except IndexLockedError: print(time.monotonic() - began)"
    )
    for number in range(many):
        began, gate = threading.Event(), threading.Event()

        def accept(_: Index, began: threading.Event = began, gate: threading.Event = gate) -> None:
            began.set()
            gate.wait(60)

        entries, vectors = shipped()
        first = threading.Thread(target=office.index.build, args=(entries, vectors, HashEmbedder(), accept))
        first.start()
        began.wait(60)
        command = [sys.executable, "-c", code, str(office.index.folder)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        gate.set()
        first.join(60)
        if not second.stdout.strip():
            wrong.append(f"{number}: not refused: {second.stderr[-300:]}")
            continue
        slowest = max(slowest, float(second.stdout))
        if slowest > SECONDS:
            wrong.append(f"{number}: refused after {slowest:.2f} s")
        office.index.open(str(office.index.current))
    return [Row.of("two processes build in one folder: second not refused within 1 s", many, wrong, f"slowest {slowest * 1000:.0f} ms")]


def swaps(trial: Trial) -> list[Row]:
    """Generations swapped by the chat itself and by another process, under questions at the page and at the index."""
    office = office_of(trial.place("swaps"))
    many, mixed, looks, seen = trial.many(6, 100), [], 0, set()
    entries, vectors = shipped()
    with chat_over(office) as (address, current):
        stop = threading.Event()

        def look() -> None:
            nonlocal looks
            while not stop.is_set():
                index = current.retriever().index
                marks = {entry.text for entry in index.entries if entry.owner.startswith("mark")}
                found = {hit.passage.text for hit in index.nearest_passages(index.vectors[looks % len(index.entries)], "en", 4)}
                if len(marks) > 1 or len(index.entries) != len(index.vectors) or (marks and not found <= marks):
                    mixed.append(f"{index.generation}: {marks} {found}")
                seen.add(index.generation)
                looks += 1
                time.sleep(0.005)

        lookers = [threading.Thread(target=look, daemon=True) for _ in range(2)]
        for looker in lookers:
            looker.start()
        with Asker(address, pause=0.05) as asker:
            for number in range(many):
                marked = [*entries, *_marks(number)]
                if number % 2:
                    office.index.build(marked, vectors, HashEmbedder())  # as another process does: the chat takes it up by itself
                    _until(lambda: current.generation == office.index.current, current)
                else:
                    _with(current, marked).build()
        stop.set()
        for looker in lookers:
            looker.join()
    figure = f"{asker.answered} answers over HTTP, {len(seen)} generations seen, longest answer {asker.longest:.1f} s"
    return [
        Row.of("swaps under constant questions: errors", asker.answered, asker.wrong, figure),
        Row.of(f"… mixed generations in {many} swaps", looks, mixed + ([] if len(seen) >= many else [f"only {len(seen)} seen"])),
    ]


def _marks(number: int) -> list[Entry]:
    """Four passages that say which generation they are of."""
    text = f"This is generation {number}."
    passages = [Passage(f"mark{n}#0", f"mark{n}", "mark", "en", text, 0, len(text), own=True) for n in range(4)]
    return [Entry(Kind.PASSAGE, f"mark{n}", "en", number, text, passage) for n, passage in enumerate(passages)]


def _with(current: CurrentIndex, entries: list[Entry]) -> CurrentIndex:
    """The index in use with other texts to build from, as after an ingest in the chat's own process."""
    current._entries = entries
    return current


def _until(done: Callable[[], bool], current: CurrentIndex, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not done() and time.monotonic() < until:
        current.retriever()
        time.sleep(0.02)
