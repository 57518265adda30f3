"""Words planted in questions, histories, names and a model's answers are nowhere afterwards: not in a log, a file, a cache or a dump.

The chat runs as a process of its own with every folder it could write to below one; the whole of that is searched.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bot.config import ROOT
from tests.llm.models import model_file
from tests.servers import ModelServer, closed_port, listening

WORD, NAME, ANSWER = "kanarifugl", "Quistgaard", "snurrebass"
"""In the question; a person in it; in what the model says."""
QUESTION = f"How do I win back {NAME}'s trust after I broke my promise about the {WORD}?"
PLANTED = [WORD, NAME, ANSWER]


def searched(root: Path) -> list[str]:
    """Every planted word that a file below the folder holds or is named with, in any of three encodings."""
    wanted = {word: [word.lower().encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")] for word in PLANTED}
    found = []
    for path in root.rglob("*"):
        content = path.read_bytes().lower() if path.is_file() and not path.is_symlink() and path.suffix != ".gguf" else b""
        for word, forms in wanted.items():
            if word.lower() in str(path.relative_to(root)).lower() or any(form in content for form in forms):
                found.append(f"{word} in {path.relative_to(root)}")
    return found


def dumps(root: Path) -> list[Path]:
    """Images of a crashed process's memory, whatever is in them."""
    return list((root / "home").glob("core*"))


def environment(root: Path) -> dict[str, str]:
    """Every folder that a program writes to by habit, below one."""
    places = {
        "HOME": "home",
        "TMPDIR": "tmp",
        "XDG_CACHE_HOME": "cache",
        "XDG_STATE_HOME": "state",
        "BOT_HOME": "bot",
        "MPLCONFIGDIR": "mpl",
    }
    for place in places.values():
        (root / place).mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOT_", "XDG_", "GRADIO_"))}
    return {**kept, **{name: str(root / place) for name, place in places.items()}, "PYTHONPATH": str(ROOT)}


@contextmanager
def chat(root: Path, model: str, settings: Mapping[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of `run.py`, allowed to leave core dumps; what it prints goes into the searched folder."""
    port = closed_port()
    dumping = ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh"]
    command = [*dumping, sys.executable, str(ROOT / "run.py"), "--port", str(port), "--model", model]
    with (root / "printed").open("wb") as printed:
        process = subprocess.Popen(
            command,
            cwd=root / "home",
            env={**environment(root), **settings},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            eventually(lambda: httpx.get(f"{address}/readyz", timeout=5).json()["model"] == "ready", 120)
            yield address, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(20)


def eventually(true: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    pytest.fail(f"not within {seconds} seconds")


def ask_interface(address: str) -> str:
    body = {"question": QUESTION, "id": NAME, "history": [{"question": f"Who is {NAME}?", "answer": f"The {WORD}."}]}
    return httpx.post(f"{address}/api/ask", json=body, headers={"User-Agent": NAME}, timeout=60).text


def ask_page(address: str, *, whole: bool = True) -> str:
    """Asks as the page does; returns the stream of what changed. What is not whole fails inside Gradio, which quotes what it got."""
    config = httpx.get(f"{address}/config", timeout=20).json()
    box = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "question")
    event = next(event for event in config["dependencies"] if box in event["inputs"])
    data = [QUESTION if part == box else None for part in event["inputs"]] if whole else [QUESTION]
    join = {"fn_index": event["id"], "data": data, "session_hash": NAME.lower(), "event_data": {"x": WORD}}
    assert httpx.post(f"{address}/gradio_api/queue/join", json=join, timeout=20).status_code == 200
    told = ""
    with httpx.stream("GET", f"{address}/gradio_api/queue/data", params={"session_hash": NAME.lower()}, timeout=60) as stream:
        for line in stream.iter_lines():
            told += line
            if "process_completed" in line or "close_stream" in line:
                break
    return told


def test_no_planted_word_is_left_anywhere(tmp_path: Path) -> None:
    says = [ModelServer.event(f" I would tell {NAME} about the {ANSWER}."), ModelServer.event(finish="stop"), "data: [DONE]"]
    cut = [ModelServer.event(f"Tell {NAME}, {ANSWER}"), 'data: {"choices": 5, "word": "kanarifugl"}']
    server = ModelServer(list(says))
    answers, broken = [], []
    with listening(server.handler()) as model, chat(tmp_path, model, {"BOT_LOGS": "json"}) as (address, process):
        answers += [ask_interface(address), ask_page(address)]
        server.lines[:] = cut
        answers += [ask_interface(address), ask_page(address)]
        server.status, server.error = 400, json.dumps({"error": {"message": f"too long: {QUESTION}"}})
        answers += [ask_interface(address), ask_page(address)]
        broken.append(ask_page(address, whole=False))
        no_json, kind = f'{{"question": "{WORD}", "{NAME}"', {"Content-Type": "application/json"}
        broken.append(httpx.post(f"{address}/api/ask", content=no_json, headers=kind, timeout=20).text)
        broken += [httpx.get(f"{address}/{path}", timeout=20).text for path in (f"{WORD}?name={NAME}", "readyz", "metrics")]
        process.send_signal(signal.SIGABRT)
        process.wait(20)
    assert all("event: done" in told or "process_completed" in told for told in answers)
    assert '"success":false' in broken[0]
    assert not [told for told in [*answers, *broken] if str(tmp_path) in told or str(ROOT) in told]
    asked = json.dumps(server.bodies)
    assert WORD in asked
    assert NAME in asked
    command = [sys.executable, str(ROOT / "run.py"), "ask", "--retrieve-only", QUESTION]
    done = subprocess.run(
        command, cwd=tmp_path / "home", env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=True
    )
    assert WORD in done.stdout
    assert done.stderr == ""
    assert searched(tmp_path) == []
    assert dumps(tmp_path) == []
    told = [line for line in (tmp_path / "printed").read_text().splitlines() if line.startswith("{")]
    messages = [json.loads(line)["message"] for line in told]
    assert "model refused the prompt" in messages
    assert "printed by a library" in messages
    assert str(tmp_path) not in "".join(told)


@pytest.mark.model
def test_model_that_crashes_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with chat(tmp_path, str(model_file()), {}) as (address, process):
        for crash in (signal.SIGSEGV, signal.SIGKILL):
            eventually(lambda: httpx.get(f"{address}/readyz", timeout=5).json()["model"] == "ready", 60)
            (worker,) = process.children()
            body = {"question": QUESTION}
            with httpx.stream("POST", f"{address}/api/ask", json=body, timeout=60) as stream:
                lines = stream.iter_lines()
                assert any(line == "event: sentence" for line in lines)
                time.sleep(0.7)
                worker.send_signal(crash)
                rest = list(lines)
            assert "event: done" in rest
    assert searched(tmp_path) == []
    assert dumps(tmp_path) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x00" + f"x{NAME}y".encode("utf-16-le"))
    (tmp_path / f"{WORD}.txt").write_text("")
    (tmp_path / "log").write_text(f"{ANSWER.upper()}!")
    assert len(searched(tmp_path)) == 3
