"""Many clients at once over real HTTP: the queue's bound, whose answer reaches whom, slow, idle and vanishing clients, and a soak."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from bot.assemble import Parts
from bot.config import Settings
from bot.llm.protocol import Generator, Piece, Prompt
from bot.web.api import AT_ONCE
from bot.web.app import create_app
from tests.fakes import SayingModel, repeating
from tests.faults.model import with_real_model
from tests.faults.office import QUESTIONS, last_event
from tests.faults.trial import Row, Trial, memory_mb, open_files
from tests.web.serving import serving

QUESTION = QUESTIONS[0]
GONE_SECONDS = 1.0
"""Within which the model stops after its client has gone."""
GROWTH_MB = 40.0
"""Memory that may come on top after a quarter of a soak, however long it is."""
_OWN = re.compile(r"Kanari\d+x")


class CountingModel(SayingModel):
    """Knows how many it words at once, and when the last one ended."""

    def __init__(self, says: str | Callable[[Prompt], str] = repeating, *, pause: float = 0.0) -> None:
        super().__init__(says, pause=pause)
        self._lock = threading.Lock()
        self.active = self.most = 0

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        """See `Generator.stream`."""
        with self._lock:
            self.active += 1
            self.most = max(self.most, self.active)
            self.prompts.clear()
        try:
            yield from super().stream(prompt, max_tokens, stopped)
        finally:
            with self._lock:
                self.active -= 1


@contextmanager
def _chat(trial: Trial, name: str, model: Generator | None) -> Iterator[str]:
    parts = Parts(Settings(home=trial.place(name), limit_address=100_000, answer_cache=False))
    with serving(create_app(parts.coach(model))) as address:
        httpx.post(f"{address}/api/ask", json={"question": QUESTION}, timeout=60)  # everything is loaded from here on
        yield address


def _check(told: str, own: str) -> list[str]:
    """What is wrong with a stream: it does not end, or holds somebody else's word."""
    try:
        name, content = last_event(told)
        whole = name == "done" and content["id"] == own
    except ValueError:
        whole = False
    wrong = [] if whole else [f"{own}: ends with {told.strip()[-200:]}"]
    return wrong + [f"{own}: was told {found}" for found in set(_OWN.findall(told)) - {own}]


async def _ask_all(address: str, many: int, wait: float) -> tuple[list[str], int, float]:
    """So many clients at once, each with its own word; whoever is told to come back does. Failures, refusals, seconds of the slowest."""
    wrong: list[str] = []
    refused, slowest = 0, 0.0

    async def ask(client: httpx.AsyncClient, number: int) -> None:
        nonlocal refused, slowest
        own, began = f"Kanari{number}x", time.monotonic()
        while time.monotonic() - began < 300:
            told = await client.post(f"{address}/api/ask", json={"question": f"{QUESTION} ({own})", "id": own})
            if told.status_code != 503:
                break
            refused += 1
            if not told.headers.get("retry-after", "").isdecimal():
                wrong.append(f"{own}: 503 without Retry-After")
            await asyncio.sleep(wait * (1 + number % 7 / 7))
        slowest = max(slowest, time.monotonic() - began)
        wrong.extend(_check(told.text, own) if told.status_code == 200 else [f"{own}: {told.status_code}"])

    async with httpx.AsyncClient(timeout=300, limits=httpx.Limits(max_connections=None)) as client:
        await asyncio.gather(*(ask(client, number) for number in range(many)))
    return wrong, refused, slowest


def many_clients(trial: Trial) -> list[Row]:
    """200 at once with a quick model (60 in the short form), then slow readers, idle connections and clients that vanish."""
    many, idle = trial.many(60, 200), trial.many(100, 500)
    model = CountingModel(pause=0.01)
    with _chat(trial, "many", model) as address:
        asyncio.run(_ask_all(address, 10, 0.2))
        handles, memory = open_files(), memory_mb()
        wrong, refused, slowest = asyncio.run(_ask_all(address, many, 0.5))
        most = [f"{model.most} at once"] if model.most > AT_ONCE else []
        slow = _slow_readers(address, trial.many(10, 40))
        lines = _idle(address, idle)
        left = _settled(handles)
        growth = memory_mb() - memory
    vanished, longest = _vanishing(trial)
    figure = f"{refused} times 503 with Retry-After, all answered in the end, slowest {slowest:.0f} s"
    return [
        Row.of(f"{many} clients at once: no answer, or somebody else's words", many, wrong, figure),
        Row.of("… more answers at once than the bound", many, most, f"at most {model.most} of {AT_ONCE}"),
        Row.of("slow readers: others wait, or the stream breaks", trial.many(10, 40), slow),
        Row.of(f"{idle} idle connections: others wait", idle, lines),
        Row.of("file handles and memory after all this", 1, left, f"{growth:+.0f} MB"),
        Row.of("clients that vanish: model still busy after 1 s", trial.many(8, 60), vanished, f"longest {longest:.2f} s"),
    ]


def _connected(address: str) -> socket.socket:
    where = urlsplit(address)
    return socket.create_connection((str(where.hostname), int(where.port or 80)), 30)


def _request(own: str) -> bytes:
    body = json.dumps({"question": f"{QUESTION} ({own})", "id": own}).encode()
    head = (
        f"POST /api/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _slow_readers(address: str, many: int) -> list[str]:
    """They take a few bytes now and then; meanwhile others are answered; in the end each has its own whole stream."""
    lines = [_connected(address) for _ in range(many)]
    for number, line in enumerate(lines):
        line.sendall(_request(f"Kanari{number}x"))
    wrong = _in_time(address)
    heard = [bytearray() for _ in lines]
    for _ in range(3):
        for line, part in zip(lines, heard, strict=True):
            part.extend(line.recv(16))
        time.sleep(0.2)
    for number, (line, part) in enumerate(zip(lines, heard, strict=True)):
        while piece := line.recv(4096):
            part.extend(piece)
        line.close()
        if b"event: done" not in part and b" 503 " not in part[:40]:
            wrong.append(f"slow reader {number}: {bytes(part[-100:])!r}")
        wrong += [f"slow reader {number} was told {found}" for found in set(_OWN.findall(part.decode())) - {f"Kanari{number}x"}]
    return wrong


def _in_time(address: str, seconds: float = 20.0) -> list[str]:
    began = time.monotonic()
    while True:
        told = httpx.post(f"{address}/api/ask", json={"question": QUESTION}, timeout=60)
        if told.status_code != 503 or time.monotonic() - began > seconds:
            break
        time.sleep(0.2)
    took = time.monotonic() - began
    return [] if told.status_code == 200 and took < seconds else [f"another client: {told.status_code} after {took:.1f} s"]


def _idle(address: str, many: int) -> list[str]:
    lines = [_connected(address) for _ in range(many)]
    try:
        return _in_time(address)
    finally:
        for line in lines:
            line.close()


def _settled(handles: int, seconds: float = 10.0) -> list[str]:
    """Waits until the file handles are back where they were."""
    until = time.monotonic() + seconds
    while open_files() > handles + 3 and time.monotonic() < until:
        gc.collect()
        time.sleep(0.1)
    return [] if open_files() <= handles + 3 else [f"{open_files()} file handles, {handles} before"]


def _vanishing(trial: Trial) -> tuple[list[str], float]:
    """Clients that read a while and go, four at a time; measures how long the model is still busy for nobody."""
    model = CountingModel(lambda prompt: repeating(prompt) * 30, pause=0.05)
    dice, wrong, longest = trial.dice("vanishing"), [], 0.0
    parts = Parts(Settings(home=trial.place("vanishing"), limit_address=100_000, answer_cache=False))
    with serving(create_app(parts.coach(model))) as address:
        for _ in range(trial.many(2, 15)):
            lines = [_connected(address) for _ in range(4)]
            for number, line in enumerate(lines):
                line.sendall(_request(f"Kanari{number}x"))
            until = time.monotonic() + 30
            while model.active < len(lines) and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(dice.uniform(0, 0.5))
            for line in lines:
                line.close()
            began = time.monotonic()
            while model.active and time.monotonic() - began < 30:
                time.sleep(0.01)
            took = time.monotonic() - began
            longest = max(longest, took)
            if took > GONE_SECONDS:
                wrong.append(f"{took:.2f} s")
    return wrong, longest


def real_model(trial: Trial) -> list[Row]:
    """20 clients at once with the real model; its queue takes some, the others get the composed answer (long form only)."""
    if not trial.long:
        return []
    with with_real_model(trial, "real") as (parts, generator), serving(create_app(parts.coach(generator))) as address:
        wrong, refused, slowest = asyncio.run(_ask_all(address, 20, 1.0))
    return [Row.of("20 clients at once with the real model", 20, wrong, f"{refused} times 503, slowest {slowest:.0f} s")]


def soak(trial: Trial) -> list[Row]:
    """Questions, vanishing clients and nonsense for a while: what grows?"""
    seconds = trial.seconds or (3600.0 if trial.long else 300.0)
    dice, model = trial.dice("soak"), CountingModel(pause=0.002)
    wrong: list[str] = []
    asked, sizes = 0, []
    with _chat(trial, "soak", model) as address:
        asyncio.run(_ask_all(address, 30, 0.2))
        handles, ends = open_files(), time.monotonic() + seconds
        while time.monotonic() < ends:
            failures, _, _ = asyncio.run(_ask_all(address, 8, 0.2))
            wrong += failures
            asked += 8
            _nonsense(address, dice)
            gc.collect()
            sizes.append(memory_mb())
        wrong += _settled(handles)
    growth = sizes[-1] - sizes[len(sizes) // 4]
    if growth > GROWTH_MB:
        wrong.append(f"memory grew by {growth:.0f} MB in {seconds:.0f} s")
    return [
        Row.of(
            f"soak of {seconds:.0f} s: failures, handles or memory that grow", asked, wrong, f"{growth:+.0f} MB from its first quarter on"
        )
    ]


def _nonsense(address: str, dice: random.Random) -> None:
    """A client that goes at once, and one that sends rubbish."""
    with _connected(address) as line:
        line.sendall(_request("Kanari0x")[: dice.randrange(1, 200)])
    with _connected(address) as line:
        line.sendall(dice.randbytes(200) + b"\r\n\r\n")
