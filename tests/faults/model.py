"""The real model's file damaged, its memory limited, a prompt of exactly the context (long form only; `tests/llm` has the rest)."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bot.errors import ModelAwayError, ModelError
from bot.llm.local import WORKER, LocalModel
from bot.llm.protocol import Message, Prompt
from bot.llm.tuning import Tuning
from tests.faults.trial import Row, Trial

CONTEXT = 512
_HEAD = 6_000_000
"""Bytes of the file that say what is in it; behind them are weights, which only the checksum can tell from others."""
_PROMPT = Prompt((Message("user", "Say in one sentence why promises matter."),))


def model_file(trial: Trial) -> list[Row]:
    """Each time the process that asks lives on and is told what is wrong in one line, or gets words."""
    if not trial.long:
        return []
    from tests.llm.models import model_file as real  # noqa: PLC0415 - only where there is a model

    dice, place = trial.dice("model"), trial.place("model")
    copy = Path(shutil.copyfile(real(), place / "copy.gguf"))
    flipped, worded = [], 0
    for where in sorted(dice.sample(range(_HEAD), 12)):
        before = _turn(copy, where, 1 << dice.randrange(8))
        said = _outcome(copy)
        worded += said == ""
        flipped += [f"bit in byte {where}: {said}"] if "\n" in said else []
        with copy.open("r+b") as file:
            file.seek(where)
            file.write(before)
    exact = _exactly(copy)
    limited = [_outcome(copy, memory_kb=kilobytes) for kilobytes in (500_000, 1_000_000, 1_500_000)]
    cut = []
    for length in sorted(dice.sample(range(copy.stat().st_size), 20), reverse=True):
        os.truncate(copy, length)
        said = _outcome(copy)
        cut += [] if "fetch it again" in said and "\n" not in said else [f"{length} bytes: {said or 'loaded'}"]
    return [
        Row.of("model file cut off at 20 places: not told in one line", 20, cut),
        Row.of("model file with a turned bit in its head: no line and no words", 12, flipped, f"{worded} still loaded; the checksum tells"),
        Row.of("model with too little memory: no line", 3, [said for said in limited if "\n" in said], "; ".join(dict.fromkeys(limited))),
        Row.of("prompt of exactly the context, and one over; stopped while loading and while asked", 4, exact),
    ]


def _turn(path: Path, where: int, bit: int) -> bytes:
    with path.open("r+b") as file:
        file.seek(where)
        before = file.read(1)
        file.seek(where)
        file.write(bytes([before[0] ^ bit]))
    return before


def _started(path: Path, worker: Sequence[str] = WORKER, *, loading_seconds: float = 60.0) -> LocalModel:
    model = LocalModel(
        path,
        path.with_suffix(f".{time.time_ns()}.vocabulary"),
        name="copy",
        context=CONTEXT,
        tuning=Tuning(1),
        queue_size=1,
        hung_seconds=5.0,
        loading_seconds=loading_seconds,
        back_off=(0.1, 0.1),
        worker=worker,
    )
    model.start()
    return model


def _outcome(path: Path, memory_kb: int = 0) -> str:
    """Why it could not be loaded or asked, or nothing when it gave words."""
    limited = ("/bin/sh", "-c", f'ulimit -v {memory_kb}; exec "$0" -m bot.llm.worker "$@"', sys.executable)
    model = _started(path, limited if memory_kb else WORKER)
    try:
        if not model.wait(120):
            return model.failure or "not ready\nwithin two minutes"
        list(model.stream(_PROMPT, 8, lambda: False))
    except ModelError as error:
        return str(error)
    finally:
        model.close()
    return ""


def _exactly(path: Path) -> list[str]:
    """What is wrong with prompts at the edge of the context, and with a process that is stopped while it loads or is asked."""
    model, wrong = _started(path, loading_seconds=4.0), []
    while model.pid is None:
        time.sleep(0.01)
    os.kill(model.pid, signal.SIGSTOP)
    try:
        if not model.wait(120):
            return [f"stopped while loading: {model.failure}"]
        last = list(model.stream(_PROMPT, 8, lambda: False))[-1]
        room = CONTEXT - last.prompt_tokens
        if not list(model.stream(_PROMPT, room, lambda: False))[-1].completion_tokens:
            wrong.append("exactly the context: no words")
        try:
            list(model.stream(_PROMPT, room + 1, lambda: False))
            wrong.append("one over the context: not refused")
        except ModelError as error:
            wrong += [] if "context holds" in str(error) else [f"one over the context: {error}"]
        os.kill(model.pid or 0, signal.SIGSTOP)
        try:
            list(model.stream(_PROMPT, 8, lambda: False))
            wrong.append("stopped: it answered")
        except ModelAwayError:
            until = time.monotonic() + 60
            while not model.ready and time.monotonic() < until:
                time.sleep(0.05)
            wrong += [] if model.ready else ["stopped: it did not come back"]
    finally:
        model.close()
    return wrong
