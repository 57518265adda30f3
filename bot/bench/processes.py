"""What is measured, as processes: the coach served over HTTP, the bare library, llama.cpp's own server. Knows no figures."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from bot.config import ROOT
from bot.errors import BotError
from bot.llm.local import end_process

START_SECONDS = 300.0
ANSWER_SECONDS = 900.0
STOP_SECONDS = 15.0
UNHURRIED = {
    "BOT_ANSWER_CACHE": "false",
    "BOT_BUSY_SECONDS": "900",
    "BOT_FIRST_TOKEN_SECONDS": "900",
    "BOT_ANSWER_SECONDS": "900",
    "BOT_QUEUE": "100",
    "BOT_LIMIT_ADDRESS": "100000",
}
"""Every question gets the model's words, however long it waits: what is measured is the queue, not who gives up."""


@dataclass(frozen=True)
class Told:
    """An answer over HTTP, in seconds from sending the question; `worded` is the first sentence of the model."""

    cards: float
    sentence: float
    worded: float | None
    end: float
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class Memory:
    """Gigabytes: everything, with shared pages in each process (the model's file is one of them), and what is a process's own."""

    resident: float
    private: float


class Child:
    """A process that reads one JSON object a line and writes one or more."""

    def __init__(self, *command: str) -> None:
        environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONPATH": str(ROOT)}
        environment.pop("OMP_NUM_THREADS", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def call(self, operation: str, **values: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer.

        Raises:
            BotError: the process died.
        """
        assert self._process.stdin is not None  # noqa: S101 - it was asked for above
        self._process.stdin.write(json.dumps({"op": operation, **values}) + "\n")
        self._process.stdin.flush()
        return next(self.lines(), {})

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it says, to its end.

        Raises:
            BotError: it ended with an error.
        """
        assert self._process.stdout is not None  # noqa: S101
        for line in self._process.stdout:
            yield json.loads(line)
        if self._process.wait() != 0:
            raise BotError(
                f"A process of the benchmark ended with code {self._process.returncode}. Is there memory enough for a second model?"
            )

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(10)


class Served:
    """The coach in a process of its own, asked as any other program would."""

    def __init__(self, address: str, pid: int) -> None:
        self._pid = pid
        self.turns = 0
        """Questions answered by now."""
        self._client = httpx.Client(base_url=address, timeout=ANSWER_SECONDS, trust_env=False)

    def ready(self) -> bool:
        """True once its model can be asked."""
        try:
            return bool(self._client.get("/readyz").json().get("model") == "ready")
        except (httpx.HTTPError, ValueError):
            return False

    def ask(self, question: str, history: Sequence[Mapping[str, str]] = ()) -> Told:
        """Asks and reads to the end.

        Raises:
            BotError: no whole answer came.
        """
        began = time.perf_counter()
        times: dict[str, float] = {}
        marked: list[float] = []
        with self._client.stream("POST", "/api/ask", json={"question": question, "history": list(history)}) as response:
            for name, content in _events(response):
                now = time.perf_counter() - began
                times.setdefault(name, now)
                if name == "sentence" and "[" in content["text"]:
                    marked.append(now)
                if name == "done":
                    self.turns += 1
                    before = int("premise" in content["notes"])
                    worded = marked[before] if len(marked) > before and content["mode"] == "generated" else None
                    return Told(times["cards"], times["sentence"], worded, now, content)
        raise BotError(f"The coach gave no whole answer: {list(times)} arrived.")

    def memory(self) -> Memory:
        """What all its processes have in memory."""
        own = psutil.Process(self._pid)
        found = [process.memory_full_info() for process in [own, *own.children(recursive=True)]]
        return Memory(sum(one.rss for one in found) / 1e9, sum(one.uss for one in found) / 1e9)


@contextmanager
def serving(home: Path, model: str, settings: Mapping[str, str] = UNHURRIED) -> Iterator[Served]:
    """The coach's server with its model ready.

    Args:
        settings: names and values in the environment.

    Raises:
        BotError: it is not ready in time.
    """
    port = _free_port()
    environment = {**os.environ, **settings, "BOT_HOME": str(home), **({"BOT_MODEL": model} if model else {})}
    command = [sys.executable, str(ROOT / "run.py"), "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        served = Served(f"http://127.0.0.1:{port}", process.pid)
        _wait(served.ready, process, "The coach's server")
        yield served
    finally:
        end_process(process, STOP_SECONDS)


@contextmanager
def llama_server(model: Path, context: int, threads: int) -> Iterator[httpx.Client | None]:
    """llama.cpp's server as llama-cpp-python brings it; None where what it needs is not installed."""
    port = _free_port()
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model), "--port", str(port)]
    command += ["--n_ctx", str(context), "--n_threads", str(threads), "--n_threads_batch", str(threads)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS, trust_env=False)

    def ready() -> bool:
        try:
            return client.get("/v1/models").is_success
        except httpx.HTTPError:
            return False

    try:
        _wait(ready, process, "llama.cpp's server")
        yield client
    except _NotStartedError:
        yield None
    finally:
        end_process(process, STOP_SECONDS)


class _NotStartedError(BotError):
    """A server ended before it was ready."""


def stream_chat(client: httpx.Client, prompt: str, max_tokens: int) -> tuple[float, float]:
    """Seconds to the first text and to the end of a chat completion for one user message."""
    began = time.perf_counter()
    first = 0.0
    body = {"messages": [{"role": "user", "content": prompt}], "stream": True, "temperature": 0, "max_tokens": max_tokens}
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content") and not first:
                first = time.perf_counter() - began
    return first, time.perf_counter() - began


def _events(response: httpx.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])


def _wait(ready: Any, process: subprocess.Popen[bytes], name: str) -> None:
    until = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            raise _NotStartedError(f"{name} did not get ready (exit code {process.poll()}). Start it by hand to see why.")
        time.sleep(0.2)


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
