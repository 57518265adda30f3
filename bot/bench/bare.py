"""The bare library, as somebody would use it who writes no engine: a plain llama_decode loop, and `Llama.create_chat_completion`.

A child process of `run.py bench`: reads one JSON object a line, writes one a line. Beside bot/llm/llama.py the only file that imports
llama_cpp, because the library itself is what the coach is measured against.

In:   {"op": "load", "model": "…", "context": n, "tuning": {…}}             → {"ms": n}
      {"op": "prefill", "depth": n, "tokens": n}                            → {"ms": n}          n tokens in one call behind `depth` others
      {"op": "decode", "depth": n, "tokens": n}                             → {"ms": n}          n tokens one after the other
      {"op": "chat", "messages": […], "max_tokens": n}                      → {"first_ms": n, "end_ms": n, "text": "…"}
      {"op": "bandwidth", "threads": n}                                     → {"gb_s": n}
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import llama_cpp
import numpy as np

_CHUNK = 1 << 27
_TOKEN = 1000


class Bare:
    """One model, one context of our own settings for the loop, and a `Llama` as its users make one."""

    def __init__(self, model: str, context: int, tuning: dict[str, Any]) -> None:
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = 0
        params.use_extra_bufts = tuning["repack"]
        self._model = llama_cpp.llama_model_load_from_file(model.encode(), params)
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = context
        settings.n_threads = settings.n_threads_batch = tuning["threads"]
        settings.flash_attn_type = int(tuning["flash"])
        self._ctx = llama_cpp.llama_init_from_model(self._model, settings)
        self._memory = llama_cpp.llama_get_memory(self._ctx)
        self._chat = llama_cpp.Llama(model, n_ctx=context, n_threads=tuning["threads"], n_threads_batch=tuning["threads"], verbose=False)

    def prefill(self, depth: int, tokens: int) -> dict[str, float]:
        """Computes `tokens` tokens at once behind `depth` others."""
        self._stand(depth)
        return {"ms": self._decode(tokens)}

    def decode(self, depth: int, tokens: int) -> dict[str, float]:
        """Computes `tokens` tokens one after the other behind `depth` others."""
        self._stand(depth)
        return {"ms": sum(self._decode(1) for _ in range(tokens))}

    def chat(self, messages: list[Any], max_tokens: int) -> dict[str, Any]:
        """Streams an answer."""
        began = time.perf_counter()
        first, text = 0.0, ""
        for chunk in self._chat.create_chat_completion(messages, stream=True, temperature=0.0, max_tokens=max_tokens):
            piece = chunk["choices"][0]["delta"].get("content") or ""
            if piece and not first:
                first = time.perf_counter() - began
            text += piece
        return {"first_ms": first * 1000, "end_ms": (time.perf_counter() - began) * 1000, "text": text}

    def _stand(self, depth: int) -> None:
        """Brings `depth` tokens into the context."""
        missing = depth - 1 - llama_cpp.llama_memory_seq_pos_max(self._memory, 0)
        if missing > 0:
            self._decode(missing)
        llama_cpp.llama_memory_seq_rm(self._memory, 0, depth, -1)

    def _decode(self, tokens: int) -> float:
        """Milliseconds for one call with so many tokens, its last one's scores included."""
        said = (llama_cpp.llama_token * tokens)(*range(_TOKEN, _TOKEN + tokens))
        batch = llama_cpp.llama_batch_get_one(said, tokens)
        began = time.perf_counter()
        if llama_cpp.llama_decode(self._ctx, batch) != 0:
            raise RuntimeError(f"llama_decode failed on {tokens} tokens")
        llama_cpp.llama_get_logits_ith(self._ctx, -1)
        return (time.perf_counter() - began) * 1000


def bandwidth(threads: int) -> dict[str, float]:
    """Gigabytes a second that the threads read together, each from memory of its own."""
    blocks = [np.ones(_CHUNK, np.float32) for _ in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        rates = []
        for _ in range(5):
            began = time.perf_counter()
            list(pool.map(np.max, blocks))
            rates.append(threads * blocks[0].nbytes / (time.perf_counter() - began) / 1e9)
    return {"gb_s": max(rates)}


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator, unused-ignore]
def _quiet(_level: int, _text: bytes, _data: Any) -> None:
    """llama.cpp's own log would stand between the answers."""


def main() -> int:
    """Entry of `python -m bot.bench.bare`."""
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    llama_cpp.llama_log_set(_quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    bare: Any = None
    for line in sys.stdin:
        command = json.loads(line)
        operation = command.pop("op")
        if operation == "load":
            began = time.perf_counter()
            bare = Bare(**command)
            answer: dict[str, Any] = {"ms": (time.perf_counter() - began) * 1000}
        else:
            answer = bandwidth(**command) if operation == "bandwidth" else getattr(bare, operation)(**command)
        output.write(json.dumps(answer) + "\n")
        output.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
