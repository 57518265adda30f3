"""Nothing foreign becomes markup, whatever it says and wherever it is cut: what a browser would make of every part of the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from bot.assemble import Parts
from bot.events import Sentence
from bot.types import Answer, CardView, Citation, Mode, Route
from bot.web.below import Offers
from bot.web.exchange import Exchange, Source
from bot.web.frame import render_announcement, render_examples, render_foot, render_head, render_notice
from bot.web.panels import render_saving, render_stored
from bot.web.source import OwnText, render_source
from bot.web.turns import render_turn
from tests.web.payloads import PAYLOADS

OWN_TAGS = {"section", "p", "span", "div", "h2", "h3", "h4", "ol", "ul", "li", "button", "strong", "cite", "br", "dialog", "dl", "dt", "dd"}
OWN_TAGS |= {"input", "q", "mark", "details", "summary", "header", "h1", "label", "select", "option"}
OWN_ATTRIBUTES = re.compile(
    r"class|dir|hidden|tabindex|maxlength|autocomplete|lang|type|title|id|value|selected|role|aria-[a-z]+|data-[a-z]+"
)


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
    assert not re.search(r"[{}`$\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]", html)


def test_there_are_enough_payloads() -> None:
    assert len(PAYLOADS) >= 150


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_foreign_becomes_markup(payload: str, parts: Parts) -> None:
    texts = parts.interfaces["en"]
    cards = (CardView(1, "keep-promises", payload, payload, payload, 1.0),)
    citation = Citation(1, "", payload, payload, payload, payload, 0, len(payload))
    answer = Answer("", payload, "en", Route.COACH, Mode.GENERATED, payload, citations=(citation,), say=(payload,), reflect=payload)
    answer = Answer(**{**answer.__dict__, "follow_ups": (payload,)})
    for cut in (*range(0, len(payload), 5), len(payload)):
        turn = Exchange(
            1,
            payload,
            "en",
            cards,
            (Sentence(f"{payload[:cut]} [1]"), Sentence(payload[cut:], True)),
            answer,
            (Source(1, payload, payload),),
        )
        assert_inert(render_turn(turn, texts, Offers(last=True, rating_days=90)))
    own = OwnText(payload, payload, payload)
    assert_inert(render_source(citation, texts, parts.knowledge, lambda _: own, 1))
    assert_inert(render_source(citation, texts, parts.knowledge, lambda _: None, 1))
    assert_inert(render_notice(payload, payload))
    assert_inert(render_announcement(payload, payload, busy=False))
    assert_inert(render_stored([payload], texts, 1))


def test_frame_is_our_own_markup_only(parts: Parts) -> None:
    for texts in parts.interfaces.values():
        assert_inert(render_head(texts, parts.interfaces, 4001))
        assert_inert(render_examples(texts))
        assert_inert(render_foot(texts))
        assert_inert(render_saving(texts, 1))
