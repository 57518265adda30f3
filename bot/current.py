"""The index in use: ready from the shipped vectors at once, replaced without a restart whenever a new generation is current.

A question asks for the retriever once and keeps it, so that it never sees two generations. It knows nothing of the command line
or the page.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial

from bot.cues import Cues
from bot.errors import IndexError_, IndexLockedError
from bot.golden import golden
from bot.knowledge.base import Entry
from bot.knowledge.build import IndexHome, Progress, content_hash, embed
from bot.knowledge.embedding import Embedder, Vectors
from bot.knowledge.index import Index
from bot.language import Languages
from bot.retrieve import Retriever

log = logging.getLogger(__name__)

SHIPPED = "shipped"
"""Generation name of the index that is made from the shipped vectors while the first real one is built."""
STEPPED_ASIDE = 10
"""Niceness of what builds an index: the model and the page get the processors first."""
LOOK_SECONDS = 1.0
"""How often a folder is asked whether another process has made a new generation current."""
SHARED_LOOK_SECONDS = 10.0
"""How often a server is asked."""


def step_aside() -> None:
    """Lets everything else go first on the processors: this thread on Linux, elsewhere nothing happens."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), STEPPED_ASIDE)


class CurrentIndex:
    """Gives the retriever over the current index."""

    def __init__(
        self,
        home: IndexHome,
        entries: Sequence[Entry],
        shipped: dict[int, Vectors],
        embedder: Embedder,
        cues: Cues,
        languages: Languages | None = None,
        solved: Mapping[str, Vectors] | None = None,
    ) -> None:
        """Args:
        entries: everything the index is to hold now.
        shipped: the vectors that come with the product, by `Entry.vector_key`.
        cues, languages: wordings and stemmers for the retriever.
        solved: weights that were solved for the shipped entries.
        """
        self._home = home
        self._entries = list(entries)
        self._known = dict(shipped)
        self._embedder = embedder
        self._cues = cues
        self._languages = languages
        self._solved = solved
        self._retriever: Retriever | None = None
        self._swap = threading.Lock()
        self._looked = 0.0
        self._look_seconds = SHARED_LOOK_SECONDS if home.shared else LOOK_SECONDS
        self._judged: str | None = None
        """The generation that was looked at last, used or found unfit; it is not looked at again."""
        self._loading: threading.Thread | None = None
        self.notice = ""
        """Why the index had to be built anew, if it had to; one line for the log and `doctor`."""
        self.failure = ""
        """Why the last attempt to build or open a newer one failed, if it did; the index in use goes on."""

    def open(self) -> bool:
        """Makes an index ready: the current generation when it fits, else one in memory from the vectors at hand.

        Of a shared index the documents count that are in it, not those of this machine: who ingests them last decides.

        Returns:
            True when a new generation should be built (`build`).
        """
        try:
            self._judged = generation = self._home.current
            if generation is not None:
                manifest = self._home.manifest(generation)
                index = self._home.open(generation)
                if self._home.shared:
                    self._entries = [*(e for e in self._entries if not _own(e)), *(e for e in index.entries if _own(e))]
                reason = manifest.outdated(content_hash(self._entries))
                if reason is None:
                    self._use(index)
                    return False
                self.notice = f"The index is built anew: {reason}."
                self._known |= {entry.vector_key: vector for entry, vector in zip(index.entries, index.vectors, strict=True)}
        except IndexError_ as error:
            self.notice = str(error)
        at_hand = [entry for entry in self._entries if entry.vector_key in self._known]
        enough = at_hand if len(at_hand) > len(self._entries) // 2 else self._entries
        self._use(Index(SHIPPED, enough, embed(enough, self._known, self._embedder)))
        return True

    def holds(self, entries: Sequence[Entry]) -> bool:
        """Whether the index in use holds just these entries."""
        return self._retriever is not None and content_hash(self._retriever.index.entries) == content_hash(entries)

    def build(self, progress: Progress | None = None, entries: Sequence[Entry] | None = None) -> Index:
        """Builds a new generation and uses it.

        Args:
            entries: what it is to hold from now on; None: what it was to hold before.

        Raises:
            IndexLockedError, IndexError_: see `IndexHome.build`; the old index goes on.
        """
        self._entries = list(entries) if entries is not None else self._entries
        index = self._home.build(self._entries, self._known, self._embedder, partial(golden, solved=self._solved), progress)
        self._use(index)
        return index

    def build_behind(self) -> threading.Thread:
        """Builds in a thread of its own; a failure is logged and the index in memory goes on."""

        def work() -> None:
            step_aside()
            try:
                self.build()
            except IndexLockedError:
                log.info("index is being built by another process")
            except IndexError_ as error:
                self.failure = str(error)
                log.error("index not built", extra={"reason": self.failure})

        thread = threading.Thread(target=work, name="index-build", daemon=True)
        thread.start()
        return thread

    def retriever(self) -> Retriever:
        """The retriever over the current index; looks now and then whether another process has made a new one current."""
        assert self._retriever is not None, "open() comes first"  # noqa: S101
        now = time.monotonic()
        busy = self._loading is not None and self._loading.is_alive()
        if now - self._looked > self._look_seconds and not busy:
            self._looked = now
            self._loading = threading.Thread(target=self._load, name="index-load", daemon=True)
            self._loading.start()
        return self._retriever

    @property
    def generation(self) -> str:
        """Name of the generation in use."""
        return self._retriever.index.generation if self._retriever is not None else ""

    def _load(self) -> None:
        """Uses the current generation if it is another one; one that was looked at before is not looked at again."""
        try:
            generation = self._home.current
        except IndexError_ as error:  # of a server; the index in memory goes on, and the server will be back
            log.warning("index server not asked", extra={"reason": str(error)})
            return
        if generation is None or generation in {self._judged, self.generation}:
            return
        self._judged = generation
        try:
            self._use(self._home.open(generation))
        except IndexError_ as error:
            self.failure = str(error)
            log.error("new index not used", extra={"reason": self.failure})

    def _use(self, index: Index) -> None:
        retriever = Retriever.over(index, self._embedder, self._cues, self._languages, self._solved)
        with self._swap:
            self._retriever = retriever
            self.failure = ""


def _own(entry: Entry) -> bool:
    """Whether an entry is of the organisation's own documents."""
    return entry.passage is not None and entry.passage.own
