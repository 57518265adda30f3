"""What a log line tells, and what it never does."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.config import ROOT
from bot.logs import UNSAID, Lines

HOME = "/home/kari/.cache/trust-coach"
SECRET = "kanarifugl"


def line(style: Any = "json", name: str = "bot.web.api", message: str = "answer failed", error: bool = False, **extra: Any) -> str:
    record = logging.makeLogRecord({"name": name, "msg": message, "levelname": "ERROR", "pathname": f"{HOME}/x.py", **extra})
    if error:
        try:
            raise KeyError(SECRET)
        except KeyError:
            record.exc_info = sys.exc_info()
    return Lines(style, {HOME: "BOT_HOME", "/home/kari": "~"}).format(record)


def test_json_line_holds_what_is_needed_to_act() -> None:
    told = json.loads(line(deaths=3, reason="x\ny"))
    assert {key: told[key] for key in ("level", "logger", "message", "deaths")} == {
        "level": "ERROR",
        "logger": "bot.web.api",
        "message": "answer failed",
        "deaths": 3,
    }
    assert told["time"].endswith("+00:00")


@pytest.mark.parametrize("style", ["plain", "json"])
def test_a_record_is_one_line_whatever_it_holds(style: str) -> None:
    assert "\n" not in line(style, message="a\nb", reason="c\nd", error=True)


@pytest.mark.parametrize("style", ["plain", "json"])
def test_exception_tells_type_and_place_but_not_its_message(style: str) -> None:
    told = line(style, error=True)
    assert "KeyError" in told
    assert "tests/test_logs.py" in told
    assert SECRET not in told
    assert str(ROOT) not in told


def test_paths_of_a_user_are_named_by_their_role() -> None:
    told = line("plain", reason=f"{HOME}/index is damaged, see /home/kari/notes")
    assert "reason=BOT_HOME/index is damaged, see ~/notes" in told
    assert "kari" not in told


def test_librarys_message_is_left_out() -> None:
    told = json.loads(line(name="asyncio", message=f"Task exception: ValueError({SECRET!r})", question=SECRET))
    assert told["message"] == UNSAID
    assert SECRET not in json.dumps(told)


def test_object_in_extra_is_named_by_its_type_only() -> None:
    assert json.loads(line(found={"question": SECRET}))["found"] == "dict"


PRINTING = """
import sys, threading, traceback
from pathlib import Path
from bot.logs import set_up
set_up(sys.argv[1], Path("/nowhere"))
def fail(): raise ValueError("kanarifugl")
thread = threading.Thread(target=fail); thread.start(); thread.join()
try: fail()
except ValueError: traceback.print_exc()
class Bad:
    def __del__(self): raise ValueError("kanarifugl")
bad = Bad(); del bad
import warnings; warnings.warn("kanarifugl")
fail()
"""


@pytest.mark.parametrize("style", ["plain", "json"])
def test_what_is_printed_past_the_logging_is_logged_instead(style: str, tmp_path: Path) -> None:
    script = tmp_path / "printing.py"
    script.write_text(PRINTING)
    done = subprocess.run(
        [sys.executable, str(script), style],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 1
    assert SECRET not in done.stderr + done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert all("ValueError" in told for told in lines)
    if style == "json":
        assert [json.loads(told)["logger"] for told in lines] == ["bot.logs"] * 4
