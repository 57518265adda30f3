"""The child process that holds the model: reads one JSON object a line from standard input, writes one a line to standard output.

In:   {"op": "keep", "messages": […]}                                     compute and keep a prompt's constant beginning
      {"op": "complete", "id": n, "messages": […], "static": n, "prefill": "…", "expected": […], "max_tokens": n}   word an answer
      {"op": "cancel", "id": n}                                           stop that one within a token or a slice
Out:  {"op": "ready", "context": n, "load_ms": n, "features": "…"} | {"op": "failed", "message": "…"}      once, after loading
      {"op": "alive"}                                                     while it loads and computes
      {"op": "piece", "id": n, "text": "…"} … {"op": "done", "id": n, "prompt": n, "reused": n, "completion": n, "drafted": n, "began": s}
      {"op": "error", "id": n, "message": "…"}

It ends when standard input ends, so it never outlives its parent. It knows nothing of questions, tips or languages.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import queue
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from bot.errors import ModelError
from bot.llm.tuning import Tuning


class Worker:
    """Runs the commands one after the other; only cancel overtakes."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._commands: queue.Queue[dict[str, Any]] = queue.Queue()
        self._spare: list[dict[str, Any]] = []
        """What is kept when nobody waits for an answer."""
        self._cancelled: set[int] = set()
        self._said_alive = 0.0

    def listen(self, source: TextIO) -> None:
        """Reads commands until the source ends; runs in a thread of its own."""
        for line in source:
            command = json.loads(line)
            if command["op"] == "cancel":
                self._cancelled.add(command["id"])
            elif command["op"] == "keep":
                self._spare.append(command)
                self._commands.put(command)
            else:
                self._commands.put(command)
        os._exit(0)

    def run(self, model: Path, vocabulary: Path, context: int, tuning: Tuning) -> int:
        """Loads the model and serves until the input ends; returns the exit code."""
        started = time.perf_counter()
        try:
            from bot.llm.engine import Engine  # noqa: PLC0415 - a failing import is reported like a failing model
            from bot.llm.llama import system_info  # noqa: PLC0415

            engine = Engine(model, context=context, tuning=tuning, alive=self._alive)
            _write_vocabulary(engine.llama.vocabulary(), vocabulary)
        except (ModelError, OSError, ImportError, RuntimeError) as error:
            self._say(op="failed", message=str(error))
            return 1
        load_ms = (time.perf_counter() - started) * 1000
        self._say(op="ready", context=engine.llama.context, load_ms=round(load_ms), features=system_info())
        while True:
            command = self._commands.get()
            try:
                if command["op"] == "complete":
                    self._complete(engine, command)
                if self._spare and self._commands.empty():
                    self._keep(engine)
            except ModelError as error:
                self._say(op="error", id=command.get("id"), message=str(error))

    def _keep(self, engine: Any) -> None:
        """Computes one constant beginning, unless a question comes in between: then it is tried again after that."""
        from bot.llm.llama import Cancelled  # noqa: PLC0415 - loaded by now

        def interrupted() -> bool:
            self._alive()
            return not self._commands.empty()

        try:
            engine.keep(self._spare[0]["messages"], interrupted)
        except Cancelled:
            return
        except ModelError:  # too long for the context: said to whoever asks with it
            pass
        self._spare.pop(0)
        self._commands.put({"op": "next"})

    def _complete(self, engine: Any, command: dict[str, Any]) -> None:
        number = command["id"]
        stopped = self._cancelled.__contains__
        from bot.llm.engine import Work  # noqa: PLC0415 - loaded by now

        work = Work(**{key: value for key, value in command.items() if key not in {"op", "id"}})
        for piece in engine.complete(work, lambda: stopped(number), self._alive):
            if isinstance(piece, str):
                self._say(op="piece", id=number, text=piece)
            else:
                self._say(op="done", id=number, **asdict(piece))
        self._cancelled.discard(number)

    def _alive(self) -> None:
        now = time.monotonic()
        if now - self._said_alive > 0.5:
            self._said_alive = now
            self._say(op="alive")

    def _say(self, **message: Any) -> None:
        self._output.write(json.dumps(message) + "\n")
        self._output.flush()


def _write_vocabulary(vocabulary: list[bytes] | None, path: Path) -> None:
    """Writes the tokens in tiktoken's own format (base64, rank), unless the file is there; a vocabulary without byte pairs gets none."""
    if vocabulary is None or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    seen: set[bytes] = set()
    with fresh.open("wb") as file:
        for rank, token in enumerate(vocabulary):
            if token and token not in seen:
                seen.add(token)
                file.write(base64.b64encode(token) + b" " + str(rank).encode() + b"\n")
    fresh.replace(path)


def main() -> int:
    """Entry of `python -m bot.llm.worker`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--tuning", type=json.loads, required=True, help="see bot.llm.tuning.Tuning")
    options = parser.parse_args()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed in this process goes to standard error, not between the messages
    worker = Worker(output)
    threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True).start()
    return worker.run(options.model, options.vocabulary, options.context, Tuning.from_json(options.tuning))


if __name__ == "__main__":
    sys.exit(main())
