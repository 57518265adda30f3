"""Whose conversation it is: guessed, stolen and mixed-up names of sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bot.coach import Coach
from bot.web.app import create_app
from bot.web.keys import SessionKeys

WORD = "Quetzalwort"
OWNER = {"X-Coach-Page": "owner" * 6}


def numbers(client: TestClient) -> dict[str, int]:
    """Number of each function of the page, by its name."""
    config = client.get("/config").json()
    return {entry["api_name"] or str(entry["id"]): entry["id"] for entry in config["dependencies"]}


def asked(client: TestClient, session: str) -> None:
    number = numbers(client)["ask_typed"]
    data = [f"{WORD}: how do I keep a promise to my team?", 40, 0, 0, None, None]
    body = {"fn_index": number, "data": data, "session_hash": session}
    assert client.post("/gradio_api/queue/join", json=body, headers=OWNER).status_code == 200
    told = client.get("/gradio_api/queue/data", params={"session_hash": session}, headers=OWNER).text
    assert WORD in told


@pytest.fixture
def client(coach: Coach) -> Any:
    with TestClient(create_app(coach), raise_server_exceptions=False) as client:
        yield client


def save(client: TestClient, session: str, headers: dict[str, str]) -> tuple[int, str]:
    body = {"fn_index": numbers(client)["save"], "data": [None, None], "session_hash": session, "event_data": {"kind": "md"}}
    told = client.post("/gradio_api/run/predict", json=body, headers=headers)
    return told.status_code, told.text


def test_owner_saves_the_conversation_and_whoever_stole_its_name_does_not(client: TestClient) -> None:
    asked(client, "mine")
    status, told = save(client, "mine", OWNER)
    assert status == 200
    assert "base64," in told
    for stolen in ({}, {"X-Coach-Page": ""}, {"X-Coach-Page": "another" * 5}):
        status, told = save(client, "mine", stolen)
        assert status == 403
        assert "base64" not in told


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/gradio_api/queue/data?session_hash=mine", None),
        ("GET", "/gradio_api/queue/data?session_hash=other&session_hash=mine", None),
        ("GET", "/gradio_api/queue/data?session_hash=mine&session_hash=other", None),
        ("GET", "/gradio_api/heartbeat/mine", None),
        ("POST", "/gradio_api/queue/join", {"fn_index": 0, "data": [], "session_hash": "mine"}),
        ("POST", "/gradio_api/cancel", {"fn_index": 0, "event_id": "x", "session_hash": "mine"}),
        ("POST", "/gradio_api/run/predict?session_hash=other", {"fn_index": 0, "data": [], "session_hash": "mine"}),
    ],
)
def test_every_call_that_names_another_s_session_is_refused(
    client: TestClient, method: str, path: str, body: dict[str, Any] | None
) -> None:
    asked(client, "mine")
    assert client.request(method, path, json=body, headers={"X-Coach-Page": "thief"}).status_code == 403


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_name_is_read_as_gradio_reads_it(client: TestClient, encoding: str) -> None:
    asked(client, "mine")
    body = json.dumps({"fn_index": 0, "data": [], "session_hash": "mine"}).replace('"fn_index"', '"session_hash": "other", "fn_index"')
    headers = {"X-Coach-Page": "thief", "Content-Type": "application/json"}
    told = client.post("/gradio_api/run/predict", content=body.encode(encoding), headers=headers)
    assert told.status_code == 403


def test_sessions_that_were_used_last_are_remembered() -> None:
    keys = SessionKeys(FastAPI(), kept=3)
    assert keys.owns("a", "first")
    assert all(keys.owns("a", f"other {n}") and not keys.owns("b", "first") for n in range(10))
