"""What the page shows: order of updates, escaping, stopping, sources; and the document that Gradio's page travels in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from bot.answer.compose import cite
from bot.assemble import Parts
from bot.coach import Coach, Sentence, Waiting
from bot.types import Answer, CardView, Citation, Mode, Route
from bot.web.chat import Chat, Exchanges, Update
from bot.web.frame import render_examples, render_head, render_notice
from bot.web.markup import marked_up, safe
from bot.web.source import OwnText, render_source
from bot.web.turns import Exchange, render_turn
from tests.fakes import SayingModel, repeating

NORWEGIAN = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"
PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)></style></mglyph></math>",
    "[x](javascript:alert(1)) ![y](https://evil.example/y.png)",
    "<form action=https://evil.example><button>send</button></form>",
    "${alert(1)} `${alert(1)}` {{constructor.constructor('alert(1)')()}}",
    "</textarea><iframe srcdoc='<script>alert(1)</script>'>",
    "<div style='position:fixed;inset:0'>x</div>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u202egnp.exe\u2066 <b\u200b>",
]
OWN_TAGS = {"section", "p", "span", "div", "h2", "h3", "h4", "ol", "ul", "li", "button", "strong", "cite", "br", "dialog", "dl", "dt", "dd"}
OWN_TAGS |= {"mark", "details", "summary", "header", "h1", "label", "select", "option"}
OWN_ATTRIBUTES = re.compile(r"class|dir|lang|type|title|id|value|selected|role|aria-[a-z]+|data-[a-z]+")


class Tags(HTMLParser):
    """Collects what a browser would make of the HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def assert_inert(html: str) -> None:
    found = Tags(html)
    assert found.tags <= OWN_TAGS
    assert all(OWN_ATTRIBUTES.fullmatch(name) for name in found.attributes), found.attributes
    assert not re.search(r"[{}`$\u202a-\u202e\u2066-\u2069\u200b]", html)


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


def test_running_is_told_at_the_beginning_and_the_end(chat: Chat) -> None:
    updates = ask(chat, NORWEGIAN)
    assert [update.running for update in updates if update.running is not None] == [True, False]
    assert updates[0].box == ""


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
        return unescape(render_turn(Exchange(1, "Q?", "en", (card,), waiting=waiting), parts.interfaces["en"], last=True))

    assert "Questions before yours: 3. About 12 s." in shown(Waiting(3, 11.2))
    assert "Wording the answer… About 4 s." in shown(Waiting(0, 4.0))
    assert "About" not in shown(None)


def test_failure_is_told_and_the_question_comes_back(parts: Parts) -> None:
    def breaking(_: object) -> str:
        raise RuntimeError("broken on purpose")

    updates = ask(Chat(parts.coach(SayingModel(breaking)), lambda _: None), NORWEGIAN)
    assert updates[-1].box == NORWEGIAN
    assert 'data-state="failed"' in (updates[-1].current or "")
    assert updates[-1].running is False


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


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_foreign_becomes_markup(payload: str, parts: Parts) -> None:
    texts = parts.interfaces["en"]
    cards = (CardView(1, "keep-promises", payload, payload, payload, 1.0),)
    citation = Citation(1, "", payload, payload, payload, payload, 0, len(payload))
    answer = Answer("", payload, "en", Route.COACH, Mode.GENERATED, payload, citations=(citation,), say=(payload,), reflect=payload)
    answer = Answer(**{**answer.__dict__, "follow_ups": (payload,)})
    for cut in (*range(0, len(payload), 5), len(payload)):
        turn = Exchange(1, payload, "en", cards, (Sentence(f"{payload[:cut]} [1]"), Sentence(payload[cut:], True)), answer)
        assert_inert(render_turn(turn, texts, last=True))
    own = OwnText(payload, payload, payload)
    assert_inert(render_source(citation, texts, parts.knowledge, lambda _: own, 1))
    assert_inert(render_source(citation, texts, parts.knowledge, lambda _: None, 1))
    assert_inert(render_notice(payload, payload))


def test_frame_is_our_own_markup_only(parts: Parts) -> None:
    for texts in parts.interfaces.values():
        assert_inert(render_head(texts, parts.interfaces, 4001))
        assert_inert(render_examples(texts))


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


def test_document_names_no_other_host(client: TestClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    html = response.text
    outside = set(re.findall(r"https?://[\w.-]+", html)) - {"http://testserver"}
    assert not outside
