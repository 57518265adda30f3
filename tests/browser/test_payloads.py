"""What an attacker writes stays text in a real Chromium: nothing runs, nothing is loaded, nothing is moved.

Each payload comes as question, card, sentence cut in half by streaming, advice, follow-up, quote, title and text of an article and of
an own document. The page's content policy is switched off for it: what is shown here is that escaping alone is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from bot.assemble import Parts
from bot.coach import Coach
from bot.config import Settings
from bot.events import Cards, Done, Event, Sentence, never
from bot.types import Answer, Article, CardView, Citation, Mode, Question, Route, Section
from bot.web.app import create_app
from bot.web.source import OwnText
from tests.browser import chromium
from tests.browser.page import COMPLETE, IN_CHROMIUM, NORWEGIAN, Page
from tests.fakes import SayingModel
from tests.servers import listening
from tests.web.payloads import payloads
from tests.web.serving import serving

pytestmark = IN_CHROMIUM
AT_ONCE = 12
"""Payloads after which the conversation is started again, so that it does not grow for ever."""
_STRANGE = """
const own = new Set(arguments[0].split(" "));
const found = [];
for (const area of document.querySelectorAll("#past, #current, #panel, #composer, #announcement")) {
  for (const element of area.querySelectorAll("*")) {
    if (!own.has(element.localName)) found.push(element.outerHTML.slice(0, 200));
    for (const name of element.getAttributeNames()) {
      if (name.startsWith("on") || name === "style" && element.closest(".turn, dialog")) found.push(element.outerHTML.slice(0, 200));
      if (["href", "src", "srcset", "action", "formaction", "background", "poster", "ping"].includes(name)) found.push(element.outerHTML);
    }
  }
}
return [found, window.__hit];
"""
OWN = "section p span div h2 h3 h4 ol ul li button strong cite br dialog dl dt dd mark q details summary input label textarea svg path"


class Hostile(Coach):
    """A coach all of whose words are the question, cut in half where there are several."""

    def ask(self, question: Question, stopped: Callable[[], bool] = never) -> Iterator[Event]:
        text = question.text
        half = len(text) // 2
        cards = tuple(CardView(n, "keep-promises", text, text, text, 1.0) for n in (1, 2))
        yield Cards("en", Route.COACH, cards)
        yield Sentence(text[:half])
        yield Sentence(text[half:])
        yield Sentence(f"{text} [1]", True)
        cited = tuple(Citation(n, "", name, text, text, text, 0, len(text)) for n, name in ((1, f"article:{text}"), (2, f"own:{text}")))
        answer = Answer(question.id, text, "en", Route.COACH, Mode.GENERATED, text, (), cited, (), (text,), text, (text, text), model=text)
        yield Done(answer)


class Texts(dict[str, Article]):
    """Articles whose every word is what they are asked for by."""

    def get(self, name: str, otherwise: Any = None) -> Any:
        text = name.removeprefix("article:")
        if text == name:
            return super().get(name, otherwise)
        return Article(name, text, text, text, text, None, text, text, (Section(text, 0, len(text)),))


@pytest.fixture(scope="module")
def trap() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that must never be asked, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"window.__hit=1")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with listening(Handler) as address:
        yield address.removeprefix("http://"), asked


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    coach = Parts(Settings(home=tmp_path_factory.mktemp("home"), feedback=True, answer_cache=False, limit_address=100_000)).coach(None)
    coach.__class__ = Hostile
    coach.knowledge = replace(coach.knowledge, articles=Texts(coach.knowledge.articles))
    with serving(create_app(coach, lambda name: OwnText(name, name, name.removeprefix("own:")))) as address:
        page = Page(chromium.start("en"), address)
        page.driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        yield page
        page.driver.quit()


def strange(page: Page) -> Any:
    """Elements, attributes and addresses that are not ours, and whether anything ran."""
    return page.driver.execute_script(_STRANGE, OWN)


def answered(page: Page, turn: int, what: str) -> None:
    """Waits for the end of that turn: for a moment the page shows the one before twice, as the past and still as the current one."""
    ended = f"[data-running=false] {COMPLETE}[data-turn='{turn}']"
    page.until(lambda: page.all(ended) and len(page.all(".turn")) == turn, what)


def test_nothing_runs_loads_or_becomes_markup(hostile: Page, trap: tuple[str, list[str]]) -> None:
    page = hostile
    address, asked = trap
    for number, payload in enumerate(payloads(address)):
        if number % AT_ONCE == 0:
            page.open()
        page.fill(f"Why {payload}")
        page.press("#send")
        answered(page, number % AT_ONCE + 1, payload)
        page.press("#current .marker")
        page.find("dialog[open] mark")
        found, hit = strange(page)
        assert (found, hit) == ([], None), payload
        page.script("document.querySelector('dialog[open]').close(); document.querySelectorAll('#current .card')[1].click()")
        page.until(lambda: page.script("return document.querySelector('dialog[open] .kind')?.textContent") == "Source 2", payload)
        assert strange(page) == [[], None], payload
        page.script("document.querySelector('dialog[open]').close()")
    hosts = {url for url in chromium.requested(page.driver) if url.startswith(("http", "ws")) and not url.startswith(page.address)}
    assert hosts == set()
    assert asked == []


def test_trap_notices_what_does_get_through(hostile: Page, trap: tuple[str, list[str]]) -> None:
    address, asked = trap
    hostile.open()
    hostile.script(f"document.querySelector('#current').innerHTML += \"<img src='http://{address}/seen' onerror='window.__hit=1'>\"")
    hostile.until(lambda: asked and hostile.script("return window.__hit"), "the trap")
    assert strange(hostile)[0]
    asked.clear()


def test_text_of_another_direction_stays_within_itself(hostile: Page) -> None:
    """The card's number, title and article keep their order, and the line below the answer its words."""
    hostile.open(1280)
    hostile.fill("שלום \u202e\u2067 עולם")
    hostile.press("#send")
    hostile.find(COMPLETE)
    left = [hostile.find(f"#current .card {part}").rect["x"] for part in (".number", "strong", "cite")]
    assert left == sorted(left)
    assert hostile.text("#current .mode") == "worded by the model, then checked"
    assert "\u202e" not in hostile.driver.page_source


def test_real_answers_hold_no_payload_of_the_models(
    tmp_path_factory: pytest.TempPathFactory, hostile: Page, trap: tuple[str, list[str]]
) -> None:
    """Through the whole pipeline, check and all: the model says a payload and nothing else."""
    address, asked = trap
    every = payloads(address)
    model = SayingModel("")
    coach = Parts(Settings(home=tmp_path_factory.mktemp("home"), answer_cache=False, limit_address=100_000)).coach(model)
    page = Page(hostile.driver, "")
    with serving(create_app(coach)) as page.address:
        page.open()
        for number, start in enumerate(range(0, len(every), 20)):
            model._says = " ".join(f"{payload} [1]." for payload in every[start : start + 20])
            page.fill(NORWEGIAN)
            page.press("#send")
            answered(page, number + 1, f"the answer to {start}")
            assert strange(page) == [[], None]
    assert asked == []
