"""App processes as an operator starts them (`python run.py`), over one home folder, with the model on another server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.config import ROOT
from tests.servers import closed_port


@dataclass
class App:
    """One process."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        """Its own address."""
        return f"http://127.0.0.1:{self.port}"

    def asked(self) -> int:
        """Questions that it answered, as it counts them itself."""
        text = httpx.get(f"{self.address}/metrics", timeout=10).text
        return sum(int(float(found)) for found in re.findall(r"^trust_coach_questions_total\{.*\} (\S+)$", text, re.MULTILINE))

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait()


@contextmanager
def apps(home: Path, count: int, **settings: str) -> Iterator[list[App]]:
    """So many processes that share a home folder; all listen when the block begins."""
    running: list[App] = []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    environment |= {"BOT_HOME": str(home), **{f"BOT_{name.upper()}": value for name, value in settings.items()}}
    try:
        for number in range(count):
            port = closed_port()
            with (home / f"log-{number}").open("wb") as log:
                command = [sys.executable, str(ROOT / "run.py"), "--port", str(port)]
                running.append(App(port, subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=home)))
        for number, app in enumerate(running):
            _wait(app, home / f"log-{number}")
        yield running
    finally:
        for app in running:
            app.kill()


def _wait(app: App, log: Path) -> None:
    """Until it serves and has its model."""
    until = time.monotonic() + 180
    while time.monotonic() < until and app.process.poll() is None:
        try:
            if httpx.get(f"{app.address}/readyz", timeout=5).json().get("model") == "ready":
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError(log.read_text(errors="replace")[-2000:])


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any, float]]:
    """(name, data, when it arrived) of each event of a stream."""
    name = ""
    for line in lines:
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            yield name, json.loads(line[5:]), time.monotonic()
