"""Decoding with llama.cpp's low-level calls. The only file that imports llama_cpp; it runs in the worker's process.

Three things that the high-level `Llama` class does not do: a prompt is computed in slices with a check for cancel between
them; the state of a prompt's constant beginning is kept and restored for whoever comes next; and stretches of the prompt
that the model says again are verified many tokens at a time (prompt lookup decoding, Saxena 2023). Neither chooses other words,
but llama.cpp computes a batch with other rounding than single tokens (logits differ by up to 0.8): where two tokens are nearly
tied, in free Russian prose for example, the words can differ. It knows nothing of questions, tips or languages.
"""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from bot.errors import ModelError

SLICE = 64
"""Prompt tokens computed between two checks for cancel; about half a second on two cores."""
DRAFT = 15
"""Most tokens guessed at once: with the token before them a batch of 16, where llama.cpp's small-batch kernels are at their best
(docs/LOG.md)."""
MATCH = 2
"""Tokens that must agree with the prompt before a draft starts."""
_BPE = 2
_KEPT_STATES = 16


@dataclass(frozen=True)
class Counts:
    """Tokens of one completion. `reused` prompt tokens came from a kept state; `drafted` completion tokens from the prompt."""

    prompt: int
    reused: int
    completion: int
    drafted: int


class Cancelled(Exception):  # noqa: N818 - not an error
    """The caller no longer wants the completion."""


class Engine:
    """One model with one context. Not thread-safe: one completion at a time."""

    def __init__(self, path: Path, *, context: int, threads: int, draft: int = DRAFT) -> None:
        """Loads the model.

        Args:
            path: a GGUF file.
            context: tokens of the context window; cut to what the model was trained for.
            threads: threads for prompt and decoding.
            draft: most tokens guessed at once; 0 decodes one after the other.

        Raises:
            ModelError: llama.cpp cannot load it.
        """
        _silence()
        self._draft = draft
        self._model = _load(path)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.context = min(context, llama_cpp.llama_model_n_ctx_train(self._model) or context)
        self._ctx = llama_cpp.llama_init_from_model(self._model, _context_params(self.context, threads))
        if not self._ctx:
            raise ModelError(
                f"llama.cpp could not set up a context of {self.context} tokens for {path.name}. Lower `context` or free memory."
            )
        self._memory = llama_cpp.llama_get_memory(self._ctx)
        self._words = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self._format = self._chat_format()
        self._tokens: list[int] = []
        self._states: dict[tuple[int, ...], bytes] = {}

    def template(self, messages: Sequence[dict[str, str]], *, answer: bool) -> str:
        """The messages in the model's own chat format; `answer` adds the opening of the assistant's turn."""
        rendered: str = self._format(answer)(messages=list(messages)).prompt
        return rendered

    def tokenize(self, text: str) -> list[int]:
        """Token ids, with the model's special tokens recognised."""
        raw = text.encode("utf-8")
        buffer = (llama_cpp.llama_token * (len(raw) + 8))()
        count = llama_cpp.llama_tokenize(self._vocab, raw, len(raw), buffer, len(buffer), False, True)
        if count < 0:
            raise ModelError(f"llama.cpp could not split a text of {len(text)} characters into tokens.")
        return list(buffer[:count])

    def keep(self, messages: Sequence[dict[str, str]], interrupted: Callable[[], bool]) -> None:
        """Computes the constant beginning of a prompt and keeps its state.

        Raises:
            Cancelled: `interrupted` said so between two slices.
        """
        tokens = self.tokenize(self.template(messages, answer=False))
        if tuple(tokens) not in self._states:
            self._reset(0)
            self._prefill(tokens, interrupted)
            size = llama_cpp.llama_state_seq_get_size(self._ctx, 0)
            buffer = (ctypes.c_uint8 * size)()
            written = llama_cpp.llama_state_seq_get_data(self._ctx, buffer, size, 0)
            if len(self._states) >= _KEPT_STATES:
                self._states.pop(next(iter(self._states)))
            self._states[tuple(tokens)] = bytes(memoryview(buffer)[:written])

    def complete(
        self,
        messages: Sequence[dict[str, str]],
        static: int,
        prefill: str,
        max_tokens: int,
        stopped: Callable[[], bool],
        alive: Callable[[], None],
    ) -> Iterator[str | Counts]:
        """Streams the completion at temperature 0, then the counts.

        Args:
            static: so many messages at the beginning are the same for other prompts; their state is kept.
            prefill: how the answer begins; the completion goes on from there.
            stopped: asked before every slice and every token.
            alive: called after every slice and every token, so that a supervisor can tell slow from hung.

        Raises:
            ModelError: prompt and answer do not fit into the context.
        """
        tokens = self.tokenize(self.template(messages, answer=True) + prefill)
        if len(tokens) + max_tokens > self.context:
            raise ModelError(
                f"The prompt has {len(tokens)} tokens and the answer may have {max_tokens}; the context holds {self.context}. "
                "Shorten the question or raise `context`."
            )

        def interrupted() -> bool:
            alive()
            return stopped()

        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        reused = produced = drafted = 0
        try:
            if static:
                self.keep(messages[:static], interrupted)
            reused = self._restore(tokens)
            self._prefill(tokens[reused:], interrupted)
            for accepted in self._decoded(self._lines(tokens[reused:]), max_tokens, interrupted):
                produced += len(accepted)
                drafted += len(accepted) - 1
                text = decoder.decode(b"".join(self._piece(token) for token in accepted))
                if text:
                    yield text
        except Cancelled:
            pass
        tail = decoder.decode(b"", final=True)
        if tail:
            yield tail
        yield Counts(len(tokens), reused, produced, drafted)

    def _decoded(self, lines: Sequence[Sequence[int]], max_tokens: int, interrupted: Callable[[], bool]) -> Iterator[list[int]]:
        """The completion's tokens, one or several at a time."""
        produced: list[int] = []
        following = self._argmax(-1)
        while len(produced) < max_tokens and not self._is_end(following):
            if interrupted():
                raise Cancelled
            longest = min(self._draft, max_tokens - len(produced) - 1)
            draft = _draft(lines, [*produced[-(MATCH - 1) :], following])[:longest]
            accepted, following = self._verify([following, *draft])
            produced += accepted
            yield accepted

    def vocabulary(self) -> list[bytes] | None:
        """Every token's bytes by id, for a byte-pair vocabulary; None for another kind."""
        if llama_cpp.llama_vocab_type(self._vocab) != _BPE:
            return None
        return [self._piece(token) for token in range(self._words)]

    def _restore(self, tokens: list[int]) -> int:
        """Brings the longest kept beginning of `tokens` into the context; returns its length."""
        best = max((kept for kept in self._states if tuple(tokens[: len(kept)]) == kept), key=len, default=())
        self._reset(0)
        if best:
            state = self._states[best]
            buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
            if llama_cpp.llama_state_seq_set_data(self._ctx, buffer, len(state), 0) == 0:
                self._reset(0)
                return 0
            self._tokens = list(best)
        return len(best)

    def _reset(self, length: int) -> None:
        """Forgets everything from position `length` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1)
        del self._tokens[length:]

    def _prefill(self, tokens: Sequence[int], interrupted: Callable[[], bool]) -> None:
        for start in range(0, len(tokens), SLICE):
            if interrupted():
                raise Cancelled
            part = tokens[start : start + SLICE]
            self._decode(part, every=False)

    def _verify(self, guess: list[int]) -> tuple[list[int], int]:
        """Decodes a token and its draft at once; returns the tokens that the model agrees with, and its next one."""
        before = len(self._tokens)
        self._decode(guess, every=True)
        agreed = 1
        following = self._argmax(0)
        while agreed < len(guess) and guess[agreed] == following and not self._is_end(following):
            following = self._argmax(agreed)
            agreed += 1
        self._reset(before + agreed)
        return guess[:agreed], following

    def _decode(self, tokens: Sequence[int], *, every: bool) -> None:
        batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for n, token in enumerate(tokens):
                batch.token[n] = token
                batch.pos[n] = len(self._tokens) + n
                batch.n_seq_id[n] = 1
                batch.seq_id[n][0] = 0
                batch.logits[n] = every or n == len(tokens) - 1
            if llama_cpp.llama_decode(self._ctx, batch) != 0:
                raise ModelError(f"llama.cpp failed on {len(tokens)} tokens at position {len(self._tokens)}.")
            self._tokens += tokens
        finally:
            llama_cpp.llama_batch_free(batch)

    def _lines(self, tokens: Sequence[int]) -> list[list[int]]:
        """The tokens of a prompt, line by line."""
        lines: list[list[int]] = [[]]
        for token in tokens:
            if b"\n" in self._piece(token):
                lines.append([])
            else:
                lines[-1].append(token)
        return lines

    def _argmax(self, output: int) -> int:
        logits = llama_cpp.llama_get_logits_ith(self._ctx, output)
        return int(np.argmax(np.ctypeslib.as_array(logits, shape=(self._words,))))

    def _is_end(self, token: int) -> bool:
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, 256, 0, False)
        return buffer.raw[: max(length, 0)]

    def _chat_format(self) -> Callable[[bool], Any]:
        template = _metadata(self._model, "tokenizer.chat_template") or _CHATML
        end = llama_cpp.llama_vocab_get_text(self._vocab, llama_cpp.llama_vocab_eos(self._vocab)) or b""
        begin = llama_cpp.llama_vocab_get_text(self._vocab, max(llama_cpp.llama_vocab_bos(self._vocab), 0)) or b""
        formats = {
            answer: Jinja2ChatFormatter(template, end.decode(), begin.decode(), add_generation_prompt=answer) for answer in (False, True)
        }
        return formats.__getitem__


_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def system_info() -> str:
    """The processor features that this build of llama.cpp uses."""
    return str(llama_cpp.llama_print_system_info().decode().strip(" |"))


def _draft(lines: Sequence[Sequence[int]], recent: Sequence[int]) -> list[int]:
    """What came after the same MATCH tokens in a line of the prompt, to the line's end: the model mostly says again what it was given."""
    if len(recent) < MATCH:
        return []
    for line in lines:
        for start in range(len(line) - MATCH):
            if line[start : start + MATCH] == recent:
                return list(line[start + MATCH : start + MATCH + DRAFT])
    return []


def _load(path: Path) -> Any:
    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise ModelError(
            f"llama.cpp cannot read {path.name} ({path.stat().st_size:,} bytes). "
            "It is damaged, cut off, or no GGUF model; fetch it again or choose another."
        )
    return model


def _context_params(context: int, threads: int) -> Any:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = context
    params.n_batch = params.n_ubatch = SLICE
    params.n_threads = params.n_threads_batch = threads
    params.n_seq_max = 1
    params.no_perf = True
    return params


def _metadata(model: Any, key: str) -> str | None:
    buffer = ctypes.create_string_buffer(1 << 16)
    length = llama_cpp.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace") if length > 0 else None


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator, unused-ignore]
def _quiet(_level: int, _text: bytes, _data: Any) -> None:
    """llama.cpp's own log would fill the terminal."""


def _silence() -> None:
    llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
