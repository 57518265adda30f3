"""What is stored about people: kept for its days, deleted by the job, deleted at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot.config import ROOT, Settings
from bot.errors import RetentionError
from bot.retention import expire, forget, keep_expiring, stores, today

NOW = date(2026, 11, 22)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, feedback=True, feedback_days=30)


def day_file(settings: Settings, days_ago: int, now: date = NOW) -> Path:
    folder = stores(settings)[0].folder
    folder.mkdir(exist_ok=True)
    path = folder / f"{now - timedelta(days=days_ago)}.jsonl"
    path.write_text('{"verdict": "up"}\n')
    return path


def test_record_is_one_line_in_todays_file_that_others_cannot_read(settings: Settings) -> None:
    store = stores(settings)[0]
    store.keep({"verdict": "up", "word": "klar\nog tydelig"})
    store.keep({"verdict": "down"})
    path = store.folder / f"{today()}.jsonl"
    assert [json.loads(line)["verdict"] for line in path.read_text("utf-8").splitlines()] == ["up", "down"]
    assert path.stat().st_mode & 0o077 == 0
    assert store.folder.stat().st_mode & 0o077 == 0


def test_lines_of_many_threads_do_not_mix(settings: Settings) -> None:
    store = stores(settings)[0]

    def write() -> None:
        for _ in range(50):
            store.keep({"word": "x" * 3000})

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    rows = [json.loads(line) for path in store.files() for line in path.read_text("utf-8").splitlines()]
    assert len(rows) == 400


def test_what_is_older_than_its_days_is_deleted_and_the_rest_stays(settings: Settings) -> None:
    paths = {ago: day_file(settings, ago) for ago in (0, 1, 29, 30, 31, 400)}
    assert expire(settings, NOW) == 2
    assert [ago for ago, path in paths.items() if path.exists()] == [0, 1, 29, 30]
    assert expire(settings, NOW) == 0


def test_file_without_a_date_is_judged_by_its_age(settings: Settings) -> None:
    path = day_file(settings, 0).with_name("notes.txt")
    path.write_text("x")
    assert expire(settings, today()) == 0
    os.utime(path, (0, 0))
    assert expire(settings, today()) == 1
    assert not path.exists()


def test_what_an_earlier_setting_left_expires_though_nothing_is_stored_now(settings: Settings) -> None:
    path = day_file(settings, 31)
    expire(settings.model_copy(update={"feedback": False}), NOW)
    assert not path.exists()


def test_the_job_deletes_at_its_start_and_again_later(settings: Settings) -> None:
    first, ended = day_file(settings, 31, today()), threading.Event()
    thread = keep_expiring(settings, ended, every=0.02)
    until = time.monotonic() + 5
    while first.exists() and time.monotonic() < until:
        time.sleep(0.01)
    second = day_file(settings, 32, today())
    while second.exists() and time.monotonic() < until:
        time.sleep(0.01)
    ended.set()
    thread.join(5)
    assert not first.exists()
    assert not second.exists()
    assert not thread.is_alive()


def test_forget_deletes_everything_whatever_its_age(settings: Settings) -> None:
    paths = [day_file(settings, ago) for ago in (0, 10, 100)]
    assert forget(settings) == {"feedback": 3}
    assert not any(path.exists() for path in paths)
    assert forget(settings) == {"feedback": 0}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete everything")
def test_what_cannot_be_deleted_is_told(settings: Settings) -> None:
    path = day_file(settings, 0)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(RetentionError, match="permissions"):
            forget(settings)
    finally:
        path.parent.chmod(0o700)


def test_forget_on_the_command_line_says_what_was_there(settings: Settings) -> None:
    day_file(settings, 3)
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "forget"],
        env={**os.environ, "BOT_HOME": str(settings.home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "feedback: 1 files deleted, 0 left" in done.stdout
    assert stores(settings)[0].files() == []
