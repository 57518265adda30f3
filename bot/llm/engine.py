"""From messages to a completion: what is kept, what is computed, what is guessed ahead. Runs in the worker's process.

Three things that plain decoding does not do: a cancel is heard all the while, also within a slice of the prompt; the state of
a prompt's constant beginning is kept and restored for whoever comes next; and the sentences that the completion will probably
say are verified many tokens at a time. None of them chooses other words, but llama.cpp computes a batch with other rounding than
single tokens (logits differ by up to 0.8): where two tokens are nearly tied, in free Russian prose for example, the words can
differ. It knows nothing of questions, tips or languages.

Only constant beginnings are kept, the same for everybody. What a question added is never kept for another one: how fast an answer
comes tells nothing about what others asked.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bot.errors import ModelError
from bot.llm.drafts import Drafts
from bot.llm.llama import MOST_ANSWERS, Cancelled, Llama
from bot.llm.tuning import Tuning

LONGEST_DRAFT = MOST_ANSWERS - 1
"""Most tokens guessed at once, behind the token before them (docs/SPEED.md)."""
_KEPT_STATES = 64


@dataclass(frozen=True)
class Work:
    """What is asked of the engine; see `bot.llm.protocol.Prompt`."""

    messages: Sequence[dict[str, str]]
    static: int = 0
    prefill: str = ""
    expected: Sequence[str] = ()
    max_tokens: int = 260


@dataclass(frozen=True)
class Counts:
    """Tokens of one completion. `reused` prompt tokens came from a kept state; `drafted` completion tokens were guessed right.

    `began` is when the first prompt token was computed (`time.monotonic()`, the same clock in all processes of a machine).
    """

    prompt: int
    reused: int
    completion: int
    drafted: int
    began: float


class Engine:
    """One model with one context. Not thread-safe: one completion at a time."""

    def __init__(
        self,
        path: Path,
        *,
        context: int,
        tuning: Tuning,
        draft: int = LONGEST_DRAFT,
        alive: Callable[[], None] | None = None,
    ) -> None:
        """Loads the model.

        Args:
            path: a GGUF file.
            context: tokens of the context window; cut to what the model was trained for.
            tuning: threads and the like.
            draft: most tokens guessed at once; 0 decodes one after the other.
            alive: called while it loads, so that a supervisor can tell slow from hung.

        Raises:
            ModelError: llama.cpp cannot load it.
        """
        self.llama = Llama(path, context=context, tuning=tuning, alive=alive)
        self._slice = tuning.slice
        self._draft = min(draft, tuning.slice - 1)
        self._states: dict[tuple[int, ...], Any] = {}

    def keep(self, messages: Sequence[dict[str, str]], interrupted: Callable[[], bool]) -> None:
        """Computes the constant beginning of a prompt and keeps its state.

        Raises:
            Cancelled: `interrupted` said so.
        """
        tokens = self.llama.tokenize(self.llama.template(messages, answer=False))
        if tuple(tokens) not in self._states:
            self.llama.forget(0)
            self._compute(tokens, interrupted)
            if len(self._states) >= _KEPT_STATES:
                self._states.pop(next(iter(self._states)))
            self._states[tuple(tokens)] = self.llama.state()

    def complete(self, work: Work, stopped: Callable[[], bool], alive: Callable[[], None]) -> Iterator[str | Counts]:
        """Streams the completion at temperature 0, then the counts.

        Args:
            stopped: asked all the while.
            alive: called as often, so that a supervisor can tell slow from hung.

        Raises:
            ModelError: prompt and answer do not fit into the context.
        """
        tokens = self.llama.tokenize(self.llama.template(work.messages, answer=True) + work.prefill)
        if len(tokens) + work.max_tokens > self.llama.context:
            raise ModelError(
                f"The prompt has {len(tokens)} tokens and the answer may have {work.max_tokens}; the context holds "
                f"{self.llama.context}. Shorten the question or raise `context`."
            )

        def interrupted() -> bool:
            alive()
            return stopped()

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        reused = produced = drafted = 0
        began = time.monotonic()
        try:
            if work.static:
                self.keep(work.messages[: work.static], interrupted)
            reused = self._restore(tokens)
            began = time.monotonic()
            following = self._compute(tokens[reused:], interrupted)
            drafts = Drafts([self.llama.tokenize(f" {sentence}") for sentence in work.expected])
            for said in self._said(following, drafts, work.max_tokens, interrupted):
                produced += len(said)
                drafted += len(said) - 1
                text = decoder.decode(b"".join(map(self.llama.piece, said)))
                if text:
                    yield text
        except Cancelled:
            pass
        tail = decoder.decode(b"", final=True)
        if tail:
            yield tail
        yield Counts(len(tokens), reused, produced, drafted, began)

    def _said(self, following: int, drafts: Drafts, room: int, interrupted: Callable[[], bool]) -> Iterator[list[int]]:
        """The completion's tokens from `following` on: one, or one behind those that were guessed right."""
        said = [following]
        while not self.llama.is_end(said[-1]):
            yield said
            room -= len(said)
            if room <= 0:
                return
            drafts.take(said)
            said = self._verify(said[-1], drafts.guess(min(self._draft, room - 1)), interrupted)
        if said[:-1]:
            yield said[:-1]

    def _verify(self, last: int, guesses: list[int], interrupted: Callable[[], bool]) -> list[int]:
        """Computes the completion's last token and the guesses behind it at once; returns those that are right and the model's next one."""
        before = self.llama.length
        found = self.llama.decode([last, *guesses], len(guesses) + 1, interrupted)
        right = 0
        while right < len(guesses) and guesses[right] == found[right] and not self.llama.is_end(found[right]):
            right += 1
        self.llama.forget(before + 1 + right)
        return found[: right + 1]

    def _restore(self, tokens: list[int]) -> int:
        """Brings the longest kept beginning of `tokens` into the context; returns its length."""
        best = max((kept for kept in self._states if len(kept) < len(tokens) and tuple(tokens[: len(kept)]) == kept), key=len, default=())
        if best and self.llama.restore(self._states[best], len(best)):
            return len(best)
        self.llama.forget(0)
        return 0

    def _compute(self, tokens: Sequence[int], interrupted: Callable[[], bool]) -> int:
        """Computes prompt tokens slice by slice, the slices equally long; returns the most probable next token."""
        slices = -(-len(tokens) // self._slice)
        bounds = [len(tokens) * n // slices for n in range(slices + 1)]
        found = [-1]
        for start, end in pairwise(bounds):
            found = self.llama.decode(tokens[start:end], 1, interrupted)
        return found[0]
