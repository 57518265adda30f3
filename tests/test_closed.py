"""The chat in a closed place: no network, and nothing to write to but its home and /tmp, as the service unit and the container have it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.config import ROOT
from tests.servers import closed_port

QUESTION = "How do I win back trust after a broken promise?"
CLOSE = """
set -e
ip link set lo up
mount --make-rprivate /
mount --bind "$BOT_HOME" "$BOT_HOME"
mount -t tmpfs tmpfs "$TMPDIR"
mount -o remount,ro,bind /
exec "$@"
"""
INSIDE = """
import json, os, subprocess, sys, time, urllib.error, urllib.request
from pathlib import Path

root, port, question = sys.argv[1:]
told = {}
try:
    Path(root, "bot", "written").touch()
    told["closed"] = False
except OSError as error:
    told["closed"] = error.strerror
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=3)
    told["network"] = "reached"
except urllib.error.URLError as error:
    told["network"] = str(error.reason)

def ask():
    body = json.dumps({"question": question}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/ask", body, {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60).read().decode()

server = subprocess.Popen([sys.executable, f"{root}/run.py", "--port", port], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
try:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)
            break
        except OSError:
            time.sleep(0.2)
    told["served"] = ask()
    told["page"] = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).status
    while time.monotonic() < until and not Path(os.environ["BOT_HOME"], "index", "current").exists():
        time.sleep(0.2)
finally:
    server.terminate()
    server.communicate(timeout=20)
told["stopped"] = server.returncode
done = subprocess.run([sys.executable, f"{root}/run.py", "ask", "--retrieve-only", question], capture_output=True, text=True, timeout=120)
told["asked"], told["error"] = done.stdout, done.stderr
print(json.dumps(told))
"""


def closed(home: Path, temporary: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    environment = {**os.environ, "BOT_HOME": str(home), "TMPDIR": str(temporary), "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["unshare", "--net", "--mount", *mapped, "sh", "-c", CLOSE, "sh", *command],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
        check=False,
    )


def test_chat_serves_and_answers_without_a_network_and_with_a_read_only_root(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    if shutil.which("unshare") is None or shutil.which("ip") is None or closed(home, temporary, ["true"]).returncode:
        pytest.skip("network and mount namespaces cannot be made here (needs root, util-linux and iproute2)")
    done = closed(home, temporary, [sys.executable, "-c", INSIDE, str(ROOT), str(closed_port()), QUESTION])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["closed"] == "Read-only file system"
    assert "unreachable" in told["network"]
    assert told["page"] == 200
    assert told["stopped"] == 0, "it did not get to ending its model's process"
    assert "event: done" in told["served"]
    assert '"mode": "composed"' in told["served"]
    assert json.loads(told["asked"])["route"] == "coach"
    assert told["error"] == ""
    assert (home / "index" / "current").is_file()
