"""One model with one context of llama.cpp: loading, tokens, decoding, kept states. The only part of the coach that imports llama_cpp.

It knows nothing of prompts, drafts or answers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from bot.errors import ModelError
from bot.llm.tuning import Tuning

MOST_ANSWERS = 64
"""Most tokens of one `decode` after which the next one is wanted: their scores take 0.6 MB each."""
_LOOKED_INTO = 16
"""So many tokens take long enough to look for a cancel while they are computed; the looks cost about a millisecond."""
_ABORTED = 2
_BPE = 2
_PIECE = 256
_NO_LOOK = llama_cpp.ggml_abort_callback()
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


class Cancelled(Exception):  # noqa: N818 - not an error
    """The caller no longer wants what is computed."""


class Llama:
    """A loaded model and the tokens that its context holds now. Not thread-safe."""

    def __init__(self, path: Path, *, context: int, tuning: Tuning, alive: Callable[[], None] | None = None) -> None:
        """Loads the model.

        Args:
            path: a GGUF file.
            context: tokens of the context window; cut to what the model was trained for.
            tuning: threads and the like; `tuning.slice` is the most tokens that one `decode` takes.
            alive: called whenever another part of the file is loaded.

        Raises:
            ModelError: llama.cpp cannot load it.
        """
        _silence()
        self._model = _load(path, tuning, alive)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.context = min(context, llama_cpp.llama_model_n_ctx_train(self._model) or context)
        self._ctx = llama_cpp.llama_init_from_model(self._model, _context_params(self.context, tuning))
        if not self._ctx:
            raise ModelError(
                f"llama.cpp could not set up a context of {self.context} tokens for {path.name}. Lower `context` or free memory."
            )
        self._memory = llama_cpp.llama_get_memory(self._ctx)
        self._words = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self._format = self._chat_format()
        self._batch = llama_cpp.llama_batch_init(tuning.slice, 0, 1)
        self._cancelled: Callable[[], bool] = _never
        self._look = llama_cpp.ggml_abort_callback(lambda _: self._cancelled())
        self.length = 0
        """Tokens in the context."""

    def close(self) -> None:
        """Frees the memory; nothing else may be called afterwards."""
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._ctx)
        llama_cpp.llama_model_free(self._model)

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

    def piece(self, token: int) -> bytes:
        """A token's bytes, which need not be whole characters."""
        buffer = ctypes.create_string_buffer(_PIECE)
        length = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, _PIECE, 0, False)
        return buffer.raw[: max(length, 0)]

    def is_end(self, token: int) -> bool:
        """True for a token that ends a turn."""
        return bool(llama_cpp.llama_vocab_is_eog(self._vocab, token))

    def vocabulary(self) -> list[bytes] | None:
        """Every token's bytes by id, for a byte-pair vocabulary; None for another kind."""
        if llama_cpp.llama_vocab_type(self._vocab) != _BPE:
            return None
        return [self.piece(token) for token in range(self._words)]

    def decode(self, tokens: Sequence[int], answers: int, cancelled: Callable[[], bool] | None = None) -> list[int]:
        """Computes tokens behind those that the context holds.

        Args:
            tokens: at most `tuning.slice` of them.
            answers: for so many of them, the last ones and at most MOST_ANSWERS, the most probable next token is wanted.
            cancelled: asked before, and all the while that many tokens are computed; may not raise.

        Returns:
            The most probable token after each of the last `answers` tokens.

        Raises:
            Cancelled: `cancelled` said so; the context is to be forgotten.
            ModelError: llama.cpp could not.
        """
        self._cancelled = cancelled or _never
        if self._cancelled():
            raise Cancelled
        looking = cancelled is not None and len(tokens) >= _LOOKED_INTO
        llama_cpp.llama_set_abort_callback(self._ctx, self._look if looking else _NO_LOOK, None)
        batch, first = self._batch, len(tokens) - answers
        batch.n_tokens = len(tokens)
        for n, token in enumerate(tokens):
            batch.token[n] = token
            batch.pos[n] = self.length + n
            batch.n_seq_id[n] = 1
            batch.seq_id[n][0] = 0
            batch.logits[n] = n >= first
        code = llama_cpp.llama_decode(self._ctx, batch)
        if code == _ABORTED:
            raise Cancelled
        if code != 0:
            raise ModelError(f"llama.cpp failed on {len(tokens)} tokens at position {self.length}.")
        self.length += len(tokens)
        return [int(np.argmax(self.logits(n))) for n in range(first, len(tokens))]

    def logits(self, n: int) -> Any:
        """The scores of all tokens after token `n` of the last `decode` (a view that the next one overwrites)."""
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self._ctx, n), shape=(self._words,))

    def forget(self, length: int) -> None:
        """Forgets everything from position `length` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, 0, length, -1)
        self.length = min(self.length, length)

    def state(self) -> Any:
        """A copy of what the context holds; about 28 KiB a token with the default model."""
        size = llama_cpp.llama_state_seq_get_size(self._ctx, 0)
        buffer = (ctypes.c_uint8 * size)()
        llama_cpp.llama_state_seq_get_data(self._ctx, buffer, size, 0)
        return buffer

    def restore(self, state: Any, length: int) -> bool:
        """Brings a kept state of `length` tokens into the context in place of what it holds; False leaves it empty."""
        self.forget(0)
        if llama_cpp.llama_state_seq_set_data(self._ctx, state, len(state), 0) == 0:
            llama_cpp.llama_memory_seq_rm(self._memory, 0, 0, -1)
            return False
        self.length = length
        return True

    def _chat_format(self) -> Callable[[bool], Any]:
        template = _metadata(self._model, "tokenizer.chat_template") or _CHATML
        end = llama_cpp.llama_vocab_get_text(self._vocab, llama_cpp.llama_vocab_eos(self._vocab)) or b""
        begin = llama_cpp.llama_vocab_get_text(self._vocab, max(llama_cpp.llama_vocab_bos(self._vocab), 0)) or b""
        formats = {
            answer: Jinja2ChatFormatter(template, end.decode(), begin.decode(), add_generation_prompt=answer) for answer in (False, True)
        }
        return formats.__getitem__


def _never() -> bool:
    return False


def system_info() -> str:
    """The processor features that this build of llama.cpp uses."""
    return str(llama_cpp.llama_print_system_info().decode().strip(" |"))


def _load(path: Path, tuning: Tuning, alive: Callable[[], None] | None) -> Any:
    def loaded(_share: float, _: Any) -> bool:
        if alive is not None:
            alive()
        return True  # False would end the loading

    params = llama_cpp.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = tuning.repack
    params.progress_callback = llama_cpp.llama_progress_callback(loaded)  # kept alive by params
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise ModelError(
            f"llama.cpp cannot read {path.name} ({path.stat().st_size:,} bytes). "
            "It is damaged, cut off, no GGUF model, or too large for the memory; fetch it again, choose another, or free memory."
        )
    return model


def _context_params(context: int, tuning: Tuning) -> Any:
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = context
    params.n_batch = params.n_ubatch = tuning.slice
    params.n_threads = params.n_threads_batch = tuning.threads
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if tuning.flash else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.n_seq_max = 1
    params.n_outputs_max = MOST_ANSWERS
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
