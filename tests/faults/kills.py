"""kill -9 while documents are taken in and the index is built and swapped, under a chat that goes on answering."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import statistics
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from bot.errors import IndexError_
from bot.knowledge import store
from tests.faults.child import Wound, work
from tests.faults.office import DOCUMENTS, Asker, Office, chat_over
from tests.faults.trial import Row, Trial

_RECORD, _DATABASE = 400, 1_400_000
"""Bytes of a document's record and of the database: a death at a byte aims at one or the other."""
_PATIENCE = 60.0


@dataclass
class _Told:
    """What a child acknowledged before it died, and how long it lived."""

    taken: list[str] = field(default_factory=list)
    generation: str = ""
    steps: int = 0
    seconds: float = 0.0
    died: bool = False


@dataclass
class _Rounds:
    """The office through all rounds, what it must hold, and what went wrong."""

    office: Office
    dice: random.Random
    context: Any
    newest: dict[int, int] = field(default_factory=dict)
    acknowledged: dict[int, int] = field(default_factory=dict)
    generation: str = ""
    lost: list[str] = field(default_factory=list)
    unopened: list[str] = field(default_factory=list)
    deaths: dict[str, int] = field(default_factory=lambda: {"step": 0, "byte": 0, "outside": 0})

    def round(self, number: int, wound: Wound, seconds: float) -> _Told:
        """Changes some documents, lets a child work until it dies, and looks at what is left."""
        for changed in range(DOCUMENTS) if number == 0 else self.dice.sample(range(DOCUMENTS), 2):
            self.office.write(changed, number)
            self.newest[changed] = number
        told = self._child(wound, seconds)
        self.deaths[wound.kind] += told.died
        for name in told.taken:
            changed = int(name.removesuffix(".txt").split("-")[1])
            self.acknowledged[changed] = self.newest[changed]
        self._look(number, wound, told)
        return told

    def _child(self, wound: Wound, seconds: float) -> _Told:
        here, there = self.context.Pipe(duplex=False)
        child = self.context.Process(target=work, args=(self.office.folder.parent, wound, there))
        child.start()
        there.close()
        told, began = _Told(), 0.0
        try:
            while True:
                if began and wound.kind == "outside":
                    time.sleep(max(0.0, began + seconds - time.monotonic()))
                    child.kill()
                what, *more = _heard(here)
                if what == "began":
                    began = time.monotonic()
                elif what == "taken":
                    told.taken.append(more[0])
                elif what == "built":
                    told.generation = more[0]
                else:
                    told.steps = more[0]
        except EOFError:
            child.join(_PATIENCE)
        told.seconds = time.monotonic() - began
        told.died = child.exitcode in {-signal.SIGKILL, -signal.SIGXFSZ}
        if not told.died and child.exitcode != 0:
            self.unopened.append(f"{wound}: the child failed by itself with {child.exitcode}")
        return told

    def _look(self, number: int, wound: Wound, told: _Told) -> None:
        held = self.office.versions()
        for document, version in self.acknowledged.items():
            if not version <= held.get(document, -1) <= self.newest[document]:
                self.lost.append(f"round {number}, {wound}: document {document} is {held.get(document)}, was {version}")
        current = self.office.index.current or ""
        if (told.generation or self.generation) > current:
            self.unopened.append(f"round {number}, {wound}: generation {told.generation or self.generation} was told, {current} is current")
        self.generation = current
        if not current:
            return
        try:
            index = self.office.index.open(current)
            texts = {passage.text for passage in index.passages.values() if passage.own}
            if told.generation and len(texts) < len(self.acknowledged):
                self.lost.append(f"round {number}: {len(texts)} documents in the index of {len(self.acknowledged)}")
        except IndexError_ as error:
            self.unopened.append(f"round {number}, {wound}: {error}")


def kills(trial: Trial) -> list[Row]:
    """Kills at random moments, at every step that changes files, and in the middle of writes."""
    office = Office(trial.place("kills"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.preloaded"])
    rounds = _Rounds(office, trial.dice("kills"), context)
    calm = [_calm(rounds, number) for number in range(2)]
    usual, steps = statistics.median(told.seconds for told in calm), calm[-1].steps
    with chat_over(office) as (address, _), Asker(address) as asker:
        for number, wound in enumerate(_wounds(trial, rounds.dice, steps), start=2):
            rounds.round(number, wound, rounds.dice.uniform(0, usual))
        _calm(rounds, 1_000_000)
        time.sleep(2 * asker.longest)
    aimed = rounds.deaths["step"] + rounds.deaths["byte"]
    total = aimed + rounds.deaths["outside"]
    how = f"{rounds.deaths['step']} at one of {steps} steps that change files, {rounds.deaths['byte']} inside a write, the rest at random"
    left = _left_over(office)
    return [
        Row.of("kill -9 in ingest and swap: acknowledged documents lost", total, rounds.lost, how),
        Row.of("… indexes that cannot be opened", total, rounds.unopened, f"{aimed} of the kills aimed"),
        Row.of("… chat over the same home", asker.answered, asker.wrong, f"longest answer {asker.longest:.1f} s"),
        Row.of("… left over after the next whole run", total, left, "generations, half-written records, copies for reading"),
    ]


def _calm(rounds: _Rounds, number: int) -> _Told:
    """A round in which nobody dies."""
    return rounds.round(number, Wound("step", 0), 0)


def _wounds(trial: Trial, dice: random.Random, steps: int) -> list[Wound]:
    """A third at steps (each at least once in the long form), a third inside writes, the rest from outside."""
    many = trial.many(24, 510) // 3
    aimed = [Wound("step", 1 + n % steps) for n in dice.sample(range(many), many)]
    inside = [Wound("byte", dice.randrange(1, _RECORD if n % 4 == 0 else _DATABASE)) for n in range(many)]
    found = aimed + inside + [Wound("outside")] * many
    dice.shuffle(found)
    return found


def _heard(source: Connection) -> tuple[Any, ...]:
    if not source.poll(_PATIENCE):
        raise EOFError
    try:
        heard: tuple[Any, ...] = source.recv()
    except OSError as error:
        raise EOFError from error
    return heard


def _left_over(office: Office) -> list[str]:
    """What a killed process left that nothing has cleared away since: generations, half-written records, copies for reading."""
    found = [str(path.name) for path in office.home.rglob("*.new")]
    found += [path.name for path in sorted(office.index.folder.glob("g-*"))[:-2]]
    temporary = office.folder.parent / "tmp"
    copies = list(temporary.iterdir())
    for copy in copies:
        os.utime(copy, (0, 0))
    store.sweep(temporary)
    return found + [path.name for path in temporary.iterdir()]
