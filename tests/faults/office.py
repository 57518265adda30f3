"""A small home to break: real cards and routes with their shipped vectors, a few own documents, a real chat over it.

The index holds a few of the shipped phrasings, so that building it takes a moment and not ten; own documents get vectors
without a model, as embedding is not what is broken here.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from bot.assemble import Parts
from bot.coach import Coach
from bot.config import ROOT, Settings
from bot.current import CurrentIndex
from bot.golden import golden
from bot.knowledge.base import Entry, Kind, load_knowledge
from bot.knowledge.build import IndexHome
from bot.knowledge.documents import DocumentShelf, Outcome
from bot.knowledge.embedding import Vectors
from bot.knowledge.index import Index
from bot.knowledge.vectors import load_vectors
from bot.web.app import create_app
from tests.fakes import HashEmbedder, SayingModel, repeating
from tests.web.serving import serving

ASKS, EXAMPLES = 2, 2
"""Phrasings of each card, and examples of each route, in each language."""
FEW = ("en", "nb")
ALL = ("en", "nb", "sv", "de", "ru")
"""With all languages an index passes a thousand entries: from there on Chroma writes its graph into files of their own."""
DOCUMENTS = 6
QUESTIONS = (
    "I promised a customer an answer before the weekend and forgot all about it. What do I say now?",
    "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?",
    "Ich habe einem Kunden eine Antwort bis Freitag versprochen und es vergessen. Was sage ich jetzt?",
    "What will the weather be like tomorrow?",
)


@cache
def shipped(languages: tuple[str, ...] = FEW) -> tuple[tuple[Entry, ...], dict[int, Vectors]]:
    """The part of the shipped entries that is used here, and their vectors."""
    limits = {Kind.ASK: ASKS * (1 + (languages != FEW)), Kind.ROUTE: EXAMPLES, Kind.MYTH: 1, Kind.PASSAGE: 0}
    entries = [
        entry
        for entry in load_knowledge(ROOT / "data").entries()
        if entry.language in languages and entry.number < limits.get(entry.kind, 1)
    ]
    known = load_vectors(ROOT / "data" / "languages")
    return tuple(entry for entry in entries if entry.vector_key in known), {
        entry.vector_key: known[entry.vector_key] for entry in entries if entry.vector_key in known
    }


class Office:
    """A home folder with own documents beside it."""

    def __init__(self, folder: Path, languages: tuple[str, ...] = FEW) -> None:
        self._languages = languages
        self.home, self.folder = folder / "home", folder / "papers"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.shelf = DocumentShelf(self.home / "documents")
        self.index = IndexHome(self.home / "index")

    def path(self, number: int) -> Path:
        """File of a document."""
        return self.folder / f"rule-{number}.txt"

    def write(self, number: int, version: int) -> None:
        """Writes a document anew."""
        self.path(number).write_text(
            f"House rule {number}, version {version}.\n\nWhoever promises something writes it down in book {number} and says so by Friday, "
            f"even when it is uncomfortable. This is what was agreed in version {version} of the rule.\n",
            encoding="utf-8",
        )

    def ingest(self, report: object = None) -> Outcome:
        """Takes in the folder."""
        told = report if callable(report) else lambda _: None
        return self.shelf.ingest([self.folder], lambda _: "en", told)

    def current(self) -> CurrentIndex:
        """The index in use over the shipped part and the shelf; not opened yet."""
        entries, vectors = shipped(self._languages)
        parts = Parts(Settings())
        return CurrentIndex(self.index, [*entries, *self.shelf.entries()], dict(vectors), HashEmbedder(), parts.cues)

    def build(self) -> Index:
        """Builds a generation as the program does, golden questions among the checks."""
        entries, vectors = shipped(self._languages)
        return self.index.build([*entries, *self.shelf.entries()], vectors, HashEmbedder(), golden)

    def versions(self) -> dict[int, int]:
        """Version of each document on the shelf, by its number."""
        return {int(Path(document.path).stem.split("-")[1]): _version(document.text) for document in self.shelf.documents()}


def _version(text: str) -> int:
    return int(text.split("version ")[1].split(".", maxsplit=1)[0])


def last_event(stream: str) -> tuple[str, dict[str, Any]]:
    """Name and content of the last event of `POST /api/ask`.

    Raises:
        ValueError: the text does not end with an event.
    """
    name, _, content = stream.strip().split("\n\n")[-1].removeprefix("event: ").partition("\ndata: ")
    return name, json.loads(content)


class Asker:
    """Somebody who goes on asking the chat over HTTP and notes every answer that is not one."""

    def __init__(self, address: str, questions: Sequence[str] = QUESTIONS, pause: float = 0.2) -> None:
        self._address, self._questions, self._pause = address, questions, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.answered = 0
        self.longest = 0.0
        self.wrong: list[str] = []

    def __enter__(self) -> Asker:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _work(self) -> None:
        with httpx.Client(timeout=60) as client:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    told = client.post(f"{self._address}/api/ask", json={"question": self._questions[self.answered % len(self._questions)]})
                    if told.status_code != 200 or not last_event(told.text)[1].get("answer"):
                        self.wrong.append(f"{told.status_code}: {told.text[-200:]}")
                except (httpx.HTTPError, ValueError) as error:
                    self.wrong.append(f"{type(error).__name__}: {error}")
                self.longest = max(self.longest, time.monotonic() - began)
                self.answered += 1
                self._stop.wait(self._pause)


def coach_over(office: Office) -> tuple[Coach, CurrentIndex]:
    """The pipeline over an office's index, with a model that repeats its advice, and the index in use."""
    parts = Parts(Settings(home=office.home, answer_cache=False, limit_address=100_000))
    current = office.current()
    current.open()
    parts.__dict__["index"] = current  # the part itself, made by hand over fewer entries
    return parts.coach(SayingModel(repeating)), current


@contextmanager
def chat_over(office: Office) -> Iterator[tuple[str, CurrentIndex]]:
    """A chat that serves over an office; gives its address and the index in use."""
    coach, current = coach_over(office)
    with serving(create_app(coach)) as address:
        yield address, current
