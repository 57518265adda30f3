"""Builds the objects of the pipeline from the settings. It knows which part needs which, and nothing of what they do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from bot.coach import Coach
from bot.config import Settings
from bot.cues import Cues
from bot.current import CurrentIndex
from bot.errors import ModelError, UsageError
from bot.interface import Interface, load_interfaces
from bot.knowledge.base import Entry, Knowledge, load_knowledge
from bot.knowledge.build import IndexHome
from bot.knowledge.documents import DocumentShelf
from bot.knowledge.embedding import Embedder, NanoEmbedder
from bot.knowledge.server import ChromaServer
from bot.knowledge.vectors import load_vectors
from bot.language import Languages
from bot.llm.catalogue import Catalogue, refuse_if_too_large
from bot.llm.fetch import fetch, is_verified
from bot.llm.local import LocalModel
from bot.llm.protocol import Generator
from bot.llm.remote import RemoteModel
from bot.llm.tuning import Tuning, load_tuning, machine_key
from bot.prompt import Prompts
from bot.ranking import load_weights
from bot.tokens import Count, estimate, load_counter

RANKINGS = "rankings.npz"
"""File of data/ with the weights that were solved for the shipped texts."""


@dataclass
class Parts:
    """The parts, each made at its first use."""

    settings: Settings

    @cached_property
    def languages(self) -> Languages:
        """The table of languages."""
        return Languages.load(self.settings.data / "languages")

    @cached_property
    def knowledge(self) -> Knowledge:
        """Articles, cards and routes."""
        return load_knowledge(self.settings.data, self.settings.country, self.settings.contacts)

    @cached_property
    def interfaces(self) -> dict[str, Interface]:
        """Interface texts by language."""
        return load_interfaces(self.settings.data / "languages", self.languages.codes)

    @cached_property
    def prompts(self) -> Prompts:
        """Prompt templates; the catalogue says in which languages the model may write freely."""
        name = self.settings.model or self.catalogue.default
        entry = self.catalogue.models.get(name)
        free = entry.writes_freely if entry is not None else ()
        return Prompts.load(self.settings.prompts, self.settings.data / "languages", self.languages.codes, free)

    @cached_property
    def cues(self) -> Cues:
        """Wordings that tell what a question is."""
        return Cues.load(self.settings.data / "languages")

    @cached_property
    def embedder(self) -> Embedder:
        """The embedding model, in a lane of its own."""
        return NanoEmbedder()

    @cached_property
    def shelf(self) -> DocumentShelf:
        """The organisation's own documents."""
        return DocumentShelf(self.settings.home / "documents")

    def entries(self) -> list[Entry]:
        """What the index is to hold: the shipped texts and the documents of this machine's shelf."""
        return [*self.knowledge.entries(), *self.shelf.entries()]

    @cached_property
    def index_home(self) -> IndexHome:
        """The generations: in a folder of this machine, or in a Chroma server.

        Raises:
            SettingsError: the server's address is none.
        """
        settings = self.settings
        server = ChromaServer(settings.chroma_url, settings.chroma_token.get_secret_value()) if settings.chroma_url else None
        return IndexHome(settings.index_dir, server)

    @cached_property
    def index(self) -> CurrentIndex:
        """The index in use, opened; a missing or outdated one is built behind."""
        shipped = load_vectors(self.settings.data / "languages")
        solved = load_weights(self.settings.data / RANKINGS)
        index = CurrentIndex(self.index_home, self.entries(), shipped, self.embedder, self.cues, self.languages, solved)
        self.index_outdated = index.open()
        return index

    @cached_property
    def catalogue(self) -> Catalogue:
        """The models known by name."""
        return Catalogue.load(self.settings.data / "models.yaml")

    def generator(self) -> Generator:
        """The model that the settings name: local ones are fetched if need be and started; returns before they are ready.

        Raises:
            ModelError, UsageError: it cannot be had, and why.
        """
        name = self.settings.model or self.catalogue.default
        if name.startswith(("http://", "https://")):
            return RemoteModel(name, key=self.settings.model_key, model=self.settings.remote_model)
        path = self.model_path(name)
        self._vocabulary = self.settings.models_dir / "vocabulary" / f"{path.stem}-{path.stat().st_size}.tiktoken"
        model = LocalModel(
            path,
            self._vocabulary,
            name=path.stem if path.suffix == ".gguf" else name,
            context=self.settings.context,
            tuning=self.tuning(path),
            queue_size=self.settings.queue,
            busy_seconds=self.settings.busy_seconds,
        )
        model.start(self.prompts.warm())
        return model

    def tuning(self, model: Path) -> Tuning:
        """How llama.cpp computes: what `run.py bench` measured for this machine and model, the setting `threads` above it."""
        processors = available_threads()
        measured = load_tuning(self.settings.tuning_file, machine_key(model, processors)) or Tuning(processors)
        return replace(measured, threads=self.settings.threads or measured.threads)

    def coach(self, generator: Generator | None) -> Coach:
        """The pipeline."""
        return Coach(
            self.settings,
            self.languages,
            self.knowledge,
            self.interfaces,
            self.prompts,
            self.embedder,
            self.index.retriever,
            generator,
            self._counter(),
        )

    def _counter(self) -> Callable[[], Count]:
        """The token counter, from the moment the model's process has left its vocabulary."""
        loaded: list[Count] = []

        def current() -> Count:
            vocabulary = getattr(self, "_vocabulary", None)
            if not loaded and isinstance(vocabulary, Path) and vocabulary.is_file():
                loaded.append(load_counter(vocabulary))
            return loaded[0] if loaded else estimate

        return current

    def model_path(self, name: str) -> Path:
        """The file of a model of the catalogue, fetched and verified if need be, or of a path.

        Raises:
            ModelError, UsageError: it cannot be had, and why.
        """
        if name.endswith(".gguf") or "/" in name:
            path = Path(name).expanduser()
            if not path.is_file():
                raise UsageError(f"There is no model file {path}. Give the path of a .gguf file or a name of: python run.py models list")
            return path.resolve()
        entry = self.catalogue.entry(name)
        refuse_if_too_large(name, entry)
        path = self.settings.models_dir / entry.file
        if is_verified(path, entry):
            return path
        with tqdm(total=entry.size, unit="B", unit_scale=True, desc=f"Fetching {name}", file=sys.stderr) as bar:
            return fetch(entry, self.settings.models_dir, self.settings.hub, lambda arrived: _advance(bar, arrived))


def _advance(bar: tqdm[NoReturn], arrived: int) -> None:
    bar.update(arrived)


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wait_until_ready(generator: Generator, seconds: float) -> None:
    """Waits for a local model that was started.

    Raises:
        ModelError: it could not be loaded, or not in time.
    """
    if isinstance(generator, LocalModel) and not generator.wait(seconds):
        raise ModelError(generator.failure or f"The language model was not ready within {seconds:.0f} seconds. Run: python run.py doctor")
