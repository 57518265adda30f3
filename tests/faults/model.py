"""The real model's file damaged, its memory limited, its process killed while it answers (long form only; `tests/llm` has the rest)."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx

from bot.assemble import Parts, wait_until_ready
from bot.config import Settings
from bot.errors import ModelAwayError, ModelError
from bot.llm.local import WORKER, LocalModel
from bot.llm.protocol import Message, Prompt
from bot.llm.tuning import Tuning
from bot.web.app import create_app
from tests.faults.office import QUESTIONS, last_event
from tests.faults.trial import Row, Trial
from tests.web.serving import serving

CONTEXT = 512
KILLS, BACK_SECONDS = 20, 15.0
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


@contextmanager
def with_real_model(trial: Trial, name: str) -> Iterator[tuple[Parts, LocalModel]]:
    """The parts over a home of that name and the real model, ready; it is ended with the block."""
    from tests.llm.models import model_file as real  # noqa: PLC0415 - only where there is a model

    parts = Parts(Settings(home=trial.place(name), model=str(real()), limit_address=100_000, answer_cache=False))
    generator = parts.generator()
    assert isinstance(generator, LocalModel)
    try:
        wait_until_ready(generator, 300)
        yield parts, generator
    finally:
        generator.close()


def model_kills(trial: Trial) -> list[Row]:
    """20 times SIGKILL to the model's process while it words an answer that is read over HTTP: every question is answered all the same."""
    if not trial.long:
        return []
    dice, wrong, back, composed = trial.dice("model kills"), [], [], 0
    with (
        with_real_model(trial, "killed") as (parts, generator),
        serving(create_app(parts.coach(generator))) as address,
        ThreadPoolExecutor(1) as pool,
    ):
        for number in range(KILLS):
            asking = pool.submit(httpx.post, f"{address}/api/ask", json={"question": f"{QUESTIONS[0]} ({number})"}, timeout=120)
            time.sleep(dice.uniform(0.2, 2.0))
            if generator.pid is None:
                wrong.append(f"{number}: no process to kill")
                continue
            os.kill(generator.pid, signal.SIGKILL)
            killed = time.monotonic()
            if httpx.get(f"{address}/healthz", timeout=5).status_code != 200:
                wrong.append(f"{number}: the page is down")
            name, answer = last_event(asking.result().text)
            if name != "done" or not answer.get("answer"):
                wrong.append(f"{number}: {name} {answer}")
            composed += answer.get("mode") == "composed"
            while not (generator.ready and generator.pid) and time.monotonic() - killed < 60:
                time.sleep(0.05)
            back.append(time.monotonic() - killed)
            if back[-1] > BACK_SECONDS:
                wrong.append(f"{number}: back after {back[-1]:.0f} s")
    figure = f"{composed} of the answers composed; back after {median(back):.1f} s (median), {max(back):.1f} s at most"
    return [Row.of("SIGKILL to the model while it answers: no answer, page down, or not back within 15 s", KILLS, wrong, figure)]


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
