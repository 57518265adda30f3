"""The local model in a supervised child process (`bot.llm.worker`).

Its death never reaches the page: a waiting question gets ModelAwayError, and the child is started again, later and later.
A model that cannot be loaded at all is not tried again and again. It knows nothing of what is asked.
"""

from __future__ import annotations

import itertools
import json
import logging
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.errors import ModelAwayError, ModelError
from bot.llm.line import Line
from bot.llm.protocol import Message, Piece, Place, Prompt
from bot.llm.tuning import Tuning

log = logging.getLogger(__name__)

BACK_OFF = (0.2, 1.0, 3.0, 6.0, 10.0)
"""Seconds before the child is started again after the first, second, … death in a row: with loading, back within 15 seconds."""
HUNG_SECONDS = 20.0
"""A busy child that says nothing for so long is killed; it says something after every slice of the prompt and every token."""
LOADING_SECONDS = 60.0
"""The same for a child that loads: it says something whenever another part of the file is there, and a slow disk may take its time."""
WORKER = (sys.executable, "-m", "bot.llm.worker")
_LOST = {"op": "lost"}


class LocalModel:
    """A `Generator` in a child process. `start()` returns at once; `ready` tells when it can be asked."""

    def __init__(
        self,
        path: Path,
        vocabulary: Path,
        *,
        name: str,
        context: int,
        tuning: Tuning,
        queue_size: int,
        busy_seconds: float = math.inf,
        hung_seconds: float = HUNG_SECONDS,
        loading_seconds: float = LOADING_SECONDS,
        back_off: Sequence[float] = BACK_OFF,
        worker: Sequence[str] = WORKER,
    ) -> None:
        """Args:
        path: the GGUF file.
        vocabulary: where the child leaves the model's tokens for tiktoken.
        name: how it is called in answers.
        context, tuning: see `bot.llm.engine.Engine`.
        queue_size: prompts that may wait; further ones raise ModelBusyError.
        busy_seconds: a prompt that would wait longer raises ModelBusyError, unless it is patient.
        hung_seconds, loading_seconds, back_off: see HUNG_SECONDS, LOADING_SECONDS and BACK_OFF.
        worker: command of the child; what it reads and writes is described in `bot.llm.worker`.
        """
        self._name = name
        self._command = [*worker, str(path), "--vocabulary", str(vocabulary)]
        self._command += ["--context", str(context), "--tuning", json.dumps(asdict(tuning))]
        self._hung_seconds = hung_seconds
        self._loading_seconds = loading_seconds
        self._heard = 0.0
        self._back_off = back_off
        self._line = Line(queue_size, busy_seconds)
        self._numbers = itertools.count(1)
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._child: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._settled = threading.Event()
        self._closed = threading.Event()
        self._warm: list[Prompt] = []
        self.failure: str | None = None
        """Why the model could not be loaded, if it could not."""
        self.features = ""
        self.restarts = 0

    @property
    def name(self) -> str:
        """See `Generator.name`."""
        return self._name

    @property
    def ready(self) -> bool:
        """See `Generator.ready`."""
        return self._ready.is_set()

    @property
    def waiting(self) -> int:
        """Prompts that wait or run now."""
        return len(self._line)

    @property
    def pid(self) -> int | None:
        """Process id of the child, if one runs."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def start(self, warm: Sequence[Prompt] = ()) -> None:
        """Starts the child and its supervisor.

        Args:
            warm: constant beginnings of prompts; computed before the first question, again after every restart.
        """
        self._warm = list(warm)
        threading.Thread(target=self._supervise, name="model-supervisor", daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Waits until the model is ready or has failed; returns `ready`."""
        self._settled.wait(seconds)
        return self.ready

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        """See `Generator.stream`."""
        ticket = self._line.join(patient=prompt.patient)
        try:
            place = Place(0, 0)
            for place in self._line.places(ticket, stopped):
                if place != Place(0, 0):
                    yield Piece("", place=place)
            if stopped() or place.ahead:
                return
            began = time.monotonic()
            yield from self._ask(prompt, max_tokens, stopped)
            self._line.note(began)
        finally:
            self._line.leave(ticket)

    def close(self) -> None:
        """Ends the child and its supervisor."""
        self._closed.set()
        child = self._child
        if child is not None:
            end_process(child)

    def _ask(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        if not self.ready:
            raise ModelAwayError(self.failure or "The language model is not running just now. Try again in a moment.")
        number = next(self._numbers)
        while not self._answers.empty():
            self._answers.get_nowait()
        self._send(
            op="complete",
            id=number,
            messages=_plain(prompt.messages),
            static=prompt.static,
            prefill=prompt.prefill,
            expected=prompt.expected,
            max_tokens=max_tokens,
        )
        told = finished = False
        try:
            heard = time.monotonic()
            while not finished:
                if stopped() and not told:
                    told = True
                    self._send(op="cancel", id=number)
                try:
                    answer = self._answers.get(timeout=0.05)
                except queue.Empty:
                    if time.monotonic() - heard > self._hung_seconds:
                        self._kill_hung()
                        raise ModelAwayError(
                            "The language model did not move for too long and is started again. Try again in a moment."
                        ) from None
                    continue
                heard = time.monotonic()
                finished = answer["op"] in {"lost", "error", "done"} and answer.get("id") in {None, number}
                yield from _pieces(answer, number)
        finally:
            if not finished and self.ready:
                self._stop_and_drain(number)

    def _stop_and_drain(self, number: int) -> None:
        """The reader went away in the middle: stops the child and waits for its last word, so that the next prompt finds it idle."""
        try:
            self._send(op="cancel", id=number)
        except ModelAwayError:
            return
        until = time.monotonic() + self._hung_seconds
        while self.ready and time.monotonic() < until:
            try:
                answer = self._answers.get(timeout=0.1)
            except queue.Empty:
                continue
            if answer["op"] in {"lost", "error", "done"}:
                return

    def _supervise(self) -> None:
        deaths = 0
        while not self._closed.is_set():
            began = time.monotonic()
            loaded = self._run_child()
            self._ready.clear()
            self._answers.put(_LOST)
            if self._closed.is_set():
                return
            if self.failure is not None or (not loaded and deaths >= len(self._back_off)):
                self.failure = self.failure or "The language model's process dies while loading. Run: python run.py doctor"
                log.error("model not started again", extra={"reason": self.failure})
                self._settled.set()
                return
            deaths = 0 if loaded and time.monotonic() - began > 60 else deaths + 1
            self.restarts += 1
            log.warning("model process ended; starting it again", extra={"deaths": deaths})
            self._closed.wait(self._back_off[max(min(deaths, len(self._back_off)) - 1, 0)])

    def _run_child(self) -> bool:
        """Starts a child and reads it to its end; returns whether it ever was ready."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "OMP_WAIT_POLICY": "passive",  # active: an idle child keeps a core busy for good, and two busy processes starve each other
        }
        environment.pop("OMP_NUM_THREADS", None)
        try:
            child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        except OSError as error:  # no memory for another process, for example: tried again like a death
            log.error("model process not started", extra={"reason": str(error)})
            return False
        self._child = child
        if self._closed.is_set():
            end_process(child)
        self._heard = time.monotonic()
        threading.Thread(target=self._watch_loading, args=(child,), name="model-loading", daemon=True).start()
        loaded = False
        assert child.stdout is not None  # noqa: S101 - it was asked for just above
        for line in child.stdout:
            self._heard = time.monotonic()
            try:
                message = json.loads(line)
            except ValueError:  # the child died in the middle of a line
                break
            if message["op"] == "ready":
                loaded = True
                self.features = message["features"]
                with suppress(ModelAwayError):  # it died already: the end of its output comes next
                    for prompt in self._warm:
                        self._write(child, {"op": "keep", "messages": _plain(prompt.messages)})
                self._ready.set()
                self._settled.set()
            elif message["op"] == "failed":
                self.failure = message["message"]
            else:
                self._answers.put(message)
        child.wait()
        return loaded

    def _watch_loading(self, child: subprocess.Popen[str]) -> None:
        """Kills a child that falls silent before it is ready; later on whoever asks notices."""
        while child.poll() is None and not self.ready and not self._closed.wait(min(1.0, self._loading_seconds / 4)):
            if time.monotonic() - self._heard > self._loading_seconds and not self.ready:
                log.warning("model process hung while loading; it is ended")
                child.kill()

    def _send(self, **command: Any) -> None:
        child = self._child
        if child is None:
            raise ModelAwayError("The language model is not running just now. Try again in a moment.")
        self._write(child, command)

    @staticmethod
    def _write(child: subprocess.Popen[str], command: dict[str, Any]) -> None:
        assert child.stdin is not None  # noqa: S101 - it was asked for when the child was started
        try:
            child.stdin.write(json.dumps(command) + "\n")
            child.stdin.flush()
        except (OSError, ValueError) as error:
            raise ModelAwayError("The language model stopped and is started again. Try again in a moment.") from error

    def _kill_hung(self) -> None:
        self._ready.clear()
        if self._child is not None:
            self._child.kill()


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{key: str(value) for key, value in asdict(message).items()} for message in messages]


def _pieces(answer: dict[str, Any], number: int) -> Iterator[Piece]:
    """The piece in a worker's message, if it belongs to this completion.

    Raises:
        ModelAwayError: the worker is gone.
        ModelError: it refused.
    """
    if answer["op"] == "lost":
        raise ModelAwayError("The language model stopped and is started again. Try again in a moment.")
    if answer.get("id") != number:
        return
    if answer["op"] == "error":
        raise ModelError(answer["message"])
    if answer["op"] == "piece":
        yield Piece(answer["text"])
    elif answer["op"] == "done":
        yield Piece("", answer["prompt"], answer["completion"], reused_tokens=answer["reused"], began=answer["began"])


def end_process(child: subprocess.Popen[Any], seconds: float = 5.0) -> None:
    """Asks a process to end, and makes it end when it has not after so many seconds."""
    child.terminate()
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(5)
