"""Ratings: only where they are switched on, only what was agreed to, and never a word of question or answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.assemble import Parts
from bot.config import Settings
from bot.retention import expire, today
from bot.web.chat import Chat
from bot.web.exchange import Exchanges, Rating
from tests.fakes import SayingModel, repeating

QUESTION = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"


def chat_with(parts: Parts, settings: Settings) -> Chat:
    coach = parts.coach(SayingModel(repeating))
    coach.settings = settings
    return Chat(coach, lambda _: None)


def asked(chat: Chat) -> tuple[Exchanges, str]:
    updates = list(chat.ask(QUESTION, (), "session", "nb"))
    return next(update.exchanges for update in reversed(updates) if update.exchanges), updates[-1].current or ""


@pytest.fixture
def on(parts: Parts, tmp_path: Path) -> Iterator[tuple[Chat, Settings]]:
    settings = Settings(home=tmp_path, feedback=True, feedback_days=30)
    yield chat_with(parts, settings), settings


def records(settings: Settings) -> list[dict[str, object]]:
    files = sorted((settings.home / "feedback").glob("*"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_nothing_is_offered_or_stored_unless_it_is_switched_on(parts: Parts, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    chat = chat_with(parts, settings)
    exchanges, html = asked(chat)
    assert "data-rate" not in html
    chat.rate(exchanges, exchanges[-1].number, "up", "good")
    assert list(tmp_path.rglob("*")) == []


def test_what_is_stored_is_named_before_and_is_all_that_is_stored(on: tuple[Chat, Settings]) -> None:
    chat, settings = on
    exchanges, html = asked(chat)
    assert "i 30 dager" in html
    update = chat.rate(exchanges, exchanges[-1].number, "up", "  traff\u202e godt ")
    assert update.exchanges is not None
    assert update.exchanges[-1].rating is Rating.STORED
    (record,) = records(settings)
    assert record.keys() == {"language", "route", "tips", "mode", "verdict", "word"}
    assert record["word"] == "traff godt"
    assert record["tips"] == [card.tip for card in exchanges[-1].cards]
    kept = json.dumps(record, ensure_ascii=False)
    assert QUESTION not in kept
    assert exchanges[-1].sentences[0].text not in kept


def test_answer_is_rated_once(on: tuple[Chat, Settings]) -> None:
    chat, settings = on
    exchanges, _ = asked(chat)
    number = exchanges[-1].number
    again = chat.rate(exchanges, number, "up", "").exchanges
    assert again is not None
    chat.rate(again, number, "down", "")
    assert [record["verdict"] for record in records(settings)] == ["up"]


@pytest.mark.parametrize(("turn", "verdict"), [(99, "up"), (None, "up"), (1, "sideways"), (1, None), (1, ["up"])])
def test_what_the_page_never_sends_is_not_stored(on: tuple[Chat, Settings], turn: object, verdict: object) -> None:
    chat, settings = on
    exchanges, _ = asked(chat)
    chat.rate(exchanges, turn, verdict, "x")
    assert records(settings) == []


def test_long_words_are_cut_and_other_things_left_out(on: tuple[Chat, Settings]) -> None:
    chat, settings = on
    exchanges, _ = asked(chat)
    chat.rate(exchanges, 1, "down", "å" * 5000)
    other, _ = asked(chat)
    chat.rate(other, 1, "down", {"a": 1})
    assert [len(str(record["word"])) for record in records(settings)] == [200, 0]


def test_folder_that_cannot_be_written_is_told_and_the_chat_goes_on(on: tuple[Chat, Settings]) -> None:
    chat, settings = on
    exchanges, _ = asked(chat)
    (settings.home / "feedback").write_text("in the way", encoding="utf-8")
    update = chat.rate(exchanges, 1, "up", "")
    assert "kunne ikke lagres" in (update.current or "")


def test_rating_is_gone_after_its_days(on: tuple[Chat, Settings]) -> None:
    chat, settings = on
    exchanges, _ = asked(chat)
    chat.rate(exchanges, 1, "up", "")
    assert expire(settings, today() + timedelta(days=30)) == 0
    assert expire(settings, today() + timedelta(days=31)) == 1
    assert records(settings) == []
