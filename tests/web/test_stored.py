"""What the page says is stored follows from the settings; and the conversation really goes when it says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.coach import Coach
from bot.config import ROOT, Settings
from bot.web.chat import Chat
from bot.web.page import build_page
from bot.web.sessions import KEPT_HOURS, forget
from bot.web.stored import stored

LANGUAGES = sorted(path.parent.name for path in (ROOT / "data" / "languages").glob("*/language.yaml"))
WORD = "Hvordan får Wilhelmine Quist tilbake tilliten etter et brutt løfte?"


@pytest.mark.parametrize("language", LANGUAGES)
def test_default_says_that_nothing_is_stored(parts: Parts, tmp_path: Path, language: str) -> None:
    texts = parts.interfaces[language]
    told = stored(Settings(home=tmp_path), texts)
    assert texts["stored_feedback_off"] in told
    assert texts["stored_model_here"] in told
    assert texts["stored_identity"] not in told
    assert str(KEPT_HOURS) in told[0]


def test_settings_change_what_is_told(parts: Parts, tmp_path: Path) -> None:
    texts = parts.interfaces["en"]
    who: dict[str, Any] = {"user_header": "X-Remote-User", "limit_user": 7, "limit_address": 70, "answer_cache": False}
    told = " ".join(stored(Settings(home=tmp_path, feedback=True, feedback_days=17, model="https://llm.example:8443/v1", **who), texts))
    assert "stored for 17 days" in told
    assert "llm.example" in told
    assert "70 a minute" in told
    assert "7 from one user" in told
    assert texts["stored_identity"] in told
    assert texts["stored_cache"] not in told
    assert texts["stored_model_here"] not in told
    assert texts["stored_feedback_off"] not in told


@pytest.fixture
def page(coach: Coach) -> Iterator[tuple[gr.Blocks, TestClient]]:
    page = build_page(Chat(coach, lambda _: None))
    app = gr.mount_gradio_app(gr.routes.App(), page, path="/")
    with TestClient(app) as client:
        yield page, client


def ask(page: gr.Blocks, client: TestClient, session: str) -> None:
    number = next(index for index, called in page.fns.items() if called.name == "ask_typed")
    body = {"fn_index": number, "data": [WORD, len(WORD), 0, 0, None, None], "session_hash": session}
    event = client.post("/gradio_api/queue/join", json=body).json()["event_id"]
    told = client.get("/gradio_api/queue/data", params={"session_hash": session}).text
    assert event in told
    assert "process_completed" in told


def held(page: gr.Blocks) -> str:
    return repr([(state.state_data, state.config_values) for state in page.state_holder.session_data.values()])


def test_conversation_is_forgotten_whole_after_its_hours(page: tuple[gr.Blocks, TestClient]) -> None:
    blocks, client = page
    ask(blocks, client, "one")
    assert "Wilhelmine" in held(blocks)
    now = datetime.now()
    assert forget(blocks.state_holder, now + timedelta(hours=KEPT_HOURS, minutes=-5)) == 0
    assert forget(blocks.state_holder, now + timedelta(hours=KEPT_HOURS, minutes=5)) == 1
    assert "Wilhelmine" not in held(blocks)


def test_starting_again_deletes_the_conversation_at_once(page: tuple[gr.Blocks, TestClient]) -> None:
    blocks, client = page
    ask(blocks, client, "two")
    number = next(index for index, called in blocks.fns.items() if called.name == "start_over")
    done = client.post("/gradio_api/run/predict", json={"fn_index": number, "data": [None], "session_hash": "two"})
    assert done.status_code == 200
    assert "Wilhelmine" not in held(blocks)
