"""The command line as other programs call it: output, errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(home: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "BOT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.run(  # noqa: PLW1510 - the exit code is what is tested
        [sys.executable, str(ROOT / "run.py"), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=home,
        env=environment,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


def test_retrieve_only_gives_route_and_ranked_tips(home: Path) -> None:
    done = run(home, "ask", "--retrieve-only", "Hva gjør jeg når kollegene baksnakker en kunde i lunsjen?")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["route"] == "coach"
    assert answer["language"] == "nb"
    assert {"refuse-gossip", "no-badmouthing"} & {tip["id"] for tip in answer["tips"][:3]}
    scores = [tip["score"] for tip in answer["tips"]]
    assert scores == sorted(scores, reverse=True)


def test_jsonl_answers_each_line_and_says_what_is_wrong_with_a_bad_one(home: Path) -> None:
    lines = [
        '{"id": "a", "question": "How do I stop gossip in the canteen?"}',
        "no json",
        '{"id": "b", "question": ""}',
        '{"id": "c", "question": "Wie halte ich Versprechen?", "lang": "xx"}',
        '{"id": "d", "question": "Und dann?", "history": "x"}',
        '{"id": "e", "question": "Как сдержать обещание?", "lang": "ru"}',
    ]
    done = run(home, "ask", "--jsonl", "--retrieve-only", given="\n".join(lines) + "\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [row["id"] for row in rows] == ["a", "2", "b", "c", "d", "e"]
    assert [("error" in row) for row in rows] == [False, True, True, True, True, False]
    assert "Line 2" in rows[1]["error"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["ask"], "question"),
        (["ask", "--retrieve-only", ""], "empty"),
        (["ask", "--retrieve-only", "x" * 50_000], "50000"),
        (["ask", "--retrieve-only", "😀"], "no words"),
        (["ask", "--lang", "xx", "hello"], "xx"),
        (["--model", "nothing.gguf", "ask", "How do I keep promises?"], "nothing.gguf"),
        (["--model", "nothing", "ask", "How do I keep promises?"], "catalogue"),
        (["--config", "none.toml", "ask", "--retrieve-only", "hello"], "none.toml"),
        (["models", "pull", "nothing"], "nothing"),
    ],
)
def test_wrong_usage_is_one_line_on_standard_error_and_exit_code_2(home: Path, arguments: list[str], named: str) -> None:
    done = run(home, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert named in done.stderr


def test_models_are_listed_with_licence_and_state(home: Path) -> None:
    done = run(home, "models")
    assert done.returncode == 0
    assert "Apache-2.0" in done.stdout
    assert "(default)" in done.stdout
    assert "never run by us" in done.stdout


def test_doctor_says_that_the_model_is_missing(home: Path) -> None:
    done = run(home, "doctor", "--json")
    findings = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.returncode == 1
    assert not findings["model"]["good"]
    assert findings["llama.cpp"]["good"]
    assert findings["knowledge"]["good"]


def test_ingested_documents_answer_what_the_cards_do_not_cover(tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "travel.md").write_text(
        "# Travel\n\nEmployees who travel by train book their tickets with the travel desk on the second floor. "
        "Receipts for meals go to the travel desk within one month, and the daily allowance in Norway is 977 kroner.\n",
        encoding="utf-8",
    )
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 broken")
    done = run(tmp_path, "ingest", str(folder))
    assert done.returncode == 0
    assert "1 added" in done.stdout
    assert "1 refused" in done.stdout
    assert "broken.pdf" in done.stderr
    again = run(tmp_path, "ingest", str(folder))
    assert "1 unchanged" in again.stdout
    answer = json.loads(run(tmp_path, "ask", "--retrieve-only", "Which desk books train tickets and what is the daily allowance?").stdout)
    assert answer["route"] == "not_covered"
