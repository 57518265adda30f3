"""What the page shows: order of updates, escaping, stopping, sources; and the document that Gradio's page travels in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from starlette.testclient import TestClient

from bot.answer.compose import cite
from bot.assemble import Parts
from bot.coach import Coach
from bot.errors import ModelBusyError
from bot.events import Waiting
from bot.types import CardView
from bot.web.below import Offers
from bot.web.chat import Chat, Update
from bot.web.exchange import Exchange, Exchanges
from bot.web.markup import marked_up, safe
from bot.web.source import render_source
from bot.web.turns import render_turn
from tests.fakes import SayingModel, repeating

NORWEGIAN = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"


@pytest.fixture
def chat(coach: Coach) -> Chat:
    return Chat(coach, lambda _: None)


def ask(chat: Chat, text: object, before: Exchanges = (), **options: object) -> list[Update]:
    return list(chat.ask(text, before, "session", "nb", **options))  # type: ignore[arg-type]


def last(updates: list[Update]) -> Exchanges:
    return next(update.exchanges for update in reversed(updates) if update.exchanges is not None)


def test_cards_are_shown_before_any_sentence_and_the_answer_is_announced_once(chat: Chat) -> None:
    updates = ask(chat, NORWEGIAN)
    shown = [update.current or "" for update in updates]
    assert 'class="said"' not in shown[1]
    assert 'class="card"' in shown[1]
    assert 'aria-busy="true"' in shown[1]
    assert 'aria-busy="false"' in shown[-1]
    spoken = [unescape(update.announcement) for update in updates if update.announcement]
    assert len(spoken) == 2
    assert "Leter etter råd" in spoken[0]
    assert last(updates)[0].sentences[0].text in spoken[1]


def test_box_is_emptied_when_the_question_is_taken(chat: Chat) -> None:
    updates = ask(chat, NORWEGIAN)
    assert updates[0].box == ""
    assert all(update.box is None for update in updates[1:])


@pytest.mark.parametrize(
    ("text", "key"),
    [("", "error_empty"), (None, "error_empty"), (7, "error_empty"), ("\x00", "error_empty"), ("🙂", "error_no_words")],
)
def test_question_that_is_none_is_refused_and_the_text_stays(chat: Chat, text: object, key: str) -> None:
    (update,) = ask(chat, text)
    assert update.box is None
    assert update.notice is not None
    assert chat.interfaces["nb"][key] in unescape(update.notice)


def test_far_too_long_question_is_told_its_real_length(chat: Chat) -> None:
    (update,) = ask(chat, "x" * chat.longest, length=50_000)
    assert update.notice is not None
    assert "50000" in update.notice


def test_earlier_turns_move_up_and_give_the_follow_up_its_meaning(chat: Chat, coach: Coach) -> None:
    first = last(ask(chat, NORWEGIAN))
    updates = ask(chat, chat.interfaces["nb"].questions[2], first)
    assert safe(NORWEGIAN) in (updates[0].past or "")
    assert "data-ask" not in (updates[0].past or "")
    assert len(last(updates)) == 2
    model = coach.generator
    assert isinstance(model, SayingModel)
    assert NORWEGIAN in model.prompts[-1].messages[-1].content


def test_edited_question_takes_the_place_of_its_turn_and_all_that_follow(chat: Chat) -> None:
    first = last(ask(chat, NORWEGIAN))
    second = last(ask(chat, chat.interfaces["nb"].questions[2], first))
    updates = ask(chat, chat.interfaces["nb"].questions[1], second, replaces=first[0].number)
    assert updates[0].past == ""
    (only,) = last(updates)
    assert only.question == chat.interfaces["nb"].questions[1]
    assert only.number > second[-1].number


@pytest.mark.parametrize("wrong", [0, None, -1, 99, "1", 1.5, [1], {}])
def test_turn_that_does_not_exist_is_not_replaced(chat: Chat, wrong: object) -> None:
    first = last(ask(chat, NORWEGIAN))
    assert len(last(ask(chat, NORWEGIAN, first, replaces=wrong))) == 2


def test_asking_again_replaces_the_newest_answer_in_the_same_language(chat: Chat) -> None:
    turns = last(list(chat.offered((), "session", "ru", 1, example=True)))
    again = last(list(chat.again(turns, "session", "nb")))
    assert [(turn.question, turn.language) for turn in again] == [(turns[0].question, "ru")]


def test_full_queue_is_told_with_an_offer_to_ask_for_the_worded_answer(parts: Parts) -> None:
    chat = Chat(parts.coach(SayingModel("So then.", fails=ModelBusyError("full"))), lambda _: None)
    html = ask(chat, NORWEGIAN)[-1].current or ""
    assert safe(parts.interfaces["nb"]["model_busy"]) in html
    assert re.search(r"<button[^>]* data-again>[^<]*formulerte", html)


def test_forgotten_conversation_is_told_and_the_question_stays(chat: Chat) -> None:
    turns = last(ask(chat, NORWEGIAN))
    for updates in (ask(chat, NORWEGIAN, shown=1), list(chat.again((), "s", "nb")), list(chat.offered((), "s", "nb", 0, example=False))):
        (update,) = updates
        assert update.box is None
        assert "ikke lenger" in (update.notice or "")
    assert len(ask(chat, NORWEGIAN, turns, shown=1)) > 1


def test_stop_ends_with_what_was_shown(parts: Parts) -> None:
    model = SayingModel(repeating, pause=0.01)
    chat = Chat(parts.coach(model), lambda _: None)
    updates: list[Update] = []
    for update in chat.ask(NORWEGIAN, (), "session", "nb"):
        updates.append(update)
        if "data-open" in (update.current or "") and 'class="said"' in (update.current or ""):
            chat.runs.stop("session")
    answer = last(updates)[0].answer
    assert answer is not None
    assert "stopped" in answer.notes
    assert parts.interfaces["nb"]["stopped"] in (updates[-1].current or "")
    assert chat.runs.going == 0


def test_starting_over_in_the_middle_leaves_nothing_behind(chat: Chat) -> None:
    updates: list[Update] = []
    for update in chat.ask(NORWEGIAN, (), "session", "nb"):
        updates.append(update)
        chat.runs.stop("session", drop=True)
    assert len(updates) == 1


def test_reader_who_goes_away_stops_the_run(parts: Parts) -> None:
    chat = Chat(parts.coach(SayingModel(repeating, pause=0.01)), lambda _: None)
    stream: Iterator[Update] = chat.ask(NORWEGIAN, (), "session", "nb")
    next(stream)
    next(stream)
    assert chat.runs.going == 1
    stream.close()  # type: ignore[attr-defined]
    assert chat.runs.going == 0


def test_waiting_tells_the_place_and_the_seconds(parts: Parts) -> None:
    def shown(waiting: Waiting | None) -> str:
        card = CardView(1, "keep-promises", "Keep promises", "Why", "Article", 1.0)
        return unescape(
            render_turn(Exchange(1, "Q?", "en", (card,), waiting=waiting), parts.interfaces["en"], Offers(last=True, rating_days=90))
        )

    assert "Questions before yours: 3. About 12 s." in shown(Waiting(3, 11.2))
    assert "Wording the answer… About 4 s." in shown(Waiting(0, 4.0))
    assert "About" not in shown(None)


def test_failure_is_told_and_the_question_comes_back(parts: Parts) -> None:
    def breaking(_: object) -> str:
        raise RuntimeError("broken on purpose")

    updates = ask(Chat(parts.coach(SayingModel(breaking)), lambda _: None), NORWEGIAN)
    assert updates[-1].box == NORWEGIAN
    assert 'data-state="failed"' in (updates[-1].current or "")


def test_offered_questions_are_taken_by_number_only(chat: Chat) -> None:
    turns = last(ask(chat, NORWEGIAN))
    offered = turns[-1].answer.follow_ups if turns[-1].answer else ()
    assert chat.follow_up(turns, 0) == (offered[0], "nb")
    assert chat.example("ru", 1) == (chat.interfaces["ru"].questions[1], "ru")
    for wrong in (-1, 99, "0", None, {"a": 1}, 1.0, [0]):
        assert chat.follow_up(turns, wrong) is None
        assert chat.example("ru", wrong) is None


def test_source_shows_the_marked_quote_and_the_card_in_the_readers_language(chat: Chat, parts: Parts) -> None:
    turns = last(ask(chat, "Как вернуть доверие команды, если я не сдержал обещание?"))
    answer = turns[0].answer
    assert answer is not None
    citation = answer.citations[0]
    html = unescape(chat.source(turns, 1, citation.n))
    marks = " ".join(re.findall(r"<mark>(.*?)</mark>", html, re.DOTALL))
    assert marks.split() == citation.quote.split()
    assert parts.knowledge.cards[citation.tip].texts["ru"].steps[0] in html
    assert "Язык оригинала" in html


def test_source_that_does_not_exist_opens_nothing(chat: Chat) -> None:
    turns = last(ask(chat, NORWEGIAN))
    for turn, n in ((1, 99), (5, 1), ("1", 1), (1, None), (None, None), (1, "1"), ({}, [])):
        assert chat.source(turns, turn, n) == ""


def test_every_cards_quote_is_marked_in_its_article(parts: Parts) -> None:
    for card in parts.knowledge.cards.values():
        citation = cite(1, card, parts.knowledge)
        html = unescape(render_source(citation, parts.interfaces["en"], parts.knowledge, lambda _: None, 1))
        assert " ".join(re.findall(r"<mark>(.*?)</mark>", html, re.DOTALL)).split() == citation.quote.split(), card.id


def test_markers_become_what_they_are_given() -> None:
    html = marked_up("A <b> [1][2]. C [x] [3]", lambda n: f"({n})")
    assert html == 'A <span class="kept">&lt;b&gt;(1)(2).</span> C [x]<span class="kept">(3)</span>'


def test_document_has_our_title_language_and_files(client: TestClient) -> None:
    response = client.get("/", headers={"Accept-Language": "nn-NO,nb;q=0.9"})
    html = response.text
    assert re.search(r'<html\s+lang="nb"', html)
    assert "<title>Trust Coach</title>" in html
    assert "og:image" not in html
    assert "JavaScript" in html
    for path in re.findall(r'(?:href|src)="(coach/[^"]+)"', html):
        kept = client.get(f"/{path}")
        assert kept.status_code == 200
        assert "immutable" in kept.headers["cache-control"]


def test_every_script_has_the_nonce_of_the_policy(client: TestClient) -> None:
    response = client.get("/")
    nonce = re.search(r"'nonce-([^']+)'", response.headers["content-security-policy"])
    assert nonce is not None
    scripts = re.findall(r"<script([^>]*)>", response.text)
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
    assert "unsafe-inline" not in response.headers["content-security-policy"].split("style-src")[0]
    assert client.get("/").headers["content-security-policy"] != response.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/embed", "/widget.js", "/coach/page.css", "/coach/page.js", "/theme.css"])
def test_page_and_its_files_travel_compressed(client: TestClient, path: str) -> None:
    response = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) < len(response.content) / 2
    assert "content-encoding" not in client.get(path, headers={"Accept-Encoding": "identity"}).headers


def test_document_names_no_other_host(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    html = response.text
    outside = set(re.findall(r"https?://[\w.-]+", html)) - {"http://testserver"}
    assert not outside
