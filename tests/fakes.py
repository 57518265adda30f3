"""Small honest stand-ins for parts that are slow: each does what its protocol says, on what the test gives it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from bot.errors import ModelError
from bot.knowledge.embedding import DIMENSIONS, Vectors
from bot.llm.protocol import Piece, Prompt


class SayingModel:
    """A language model that says a given text, a few characters at a time, or what a function makes of the prompt."""

    def __init__(self, says: str | Callable[[Prompt], str], *, pause: float = 0.0, fails: ModelError | None = None) -> None:
        """Args:
        says: the completion, or a function of the prompt.
        pause: seconds between two pieces.
        fails: raised after half of the text.
        """
        self._says = says
        self._pause = pause
        self._fails = fails
        self.prompts: list[Prompt] = []
        self.stopped = 0

    @property
    def name(self) -> str:
        """See `Generator.name`."""
        return "saying"

    @property
    def ready(self) -> bool:
        """See `Generator.ready`."""
        return True

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        """See `Generator.stream`."""
        self.prompts.append(prompt)
        text = self._says if isinstance(self._says, str) else self._says(prompt)
        for start in range(0, len(text), 7):
            if stopped():
                self.stopped += 1
                break
            if self._fails is not None and start > len(text) // 2:
                raise self._fails
            time.sleep(self._pause)
            yield Piece(text[start : start + 7])
        yield Piece("", prompt_tokens=len(prompt.messages), completion_tokens=len(text) // 7)

    def close(self) -> None:
        """See `Generator.close`."""


def repeating(prompt: Prompt) -> str:
    """What the real model mostly does: the advice of the prompt again, in one paragraph."""
    lines = prompt.messages[-1].content.splitlines()
    return " " + " ".join(line[2:] for line in lines if line.startswith("- "))


class HashEmbedder:
    """An `Embedder` without a model: the same text has the same vector, different texts are nearly at right angles.

    `texts` holds every text that it was asked to embed, in order.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []

    def queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.queries`."""
        return self._embed("query", texts)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.passages`."""
        return self._embed("passage", texts)

    def _embed(self, kind: str, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        seeds = [int.from_bytes(hashlib.sha256(f"{kind}: {text}".encode()).digest()[:8], "big") for text in texts]
        vectors = np.array([np.random.default_rng(seed).normal(size=DIMENSIONS) for seed in seeds]).reshape(len(texts), DIMENSIONS)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
