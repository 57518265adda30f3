"""The page in a real Chromium: asking, cards before text, sources, stopping, narrow screens, keyboard, and no word to other hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from bot.assemble import Parts
from bot.config import Settings
from bot.web.app import create_app, warm
from tests.browser import chromium
from tests.browser.page import COMPLETE, IN_CHROMIUM, NARROW, NORWEGIAN, RUSSIAN, Page
from tests.browser.timing import measure
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving

pytestmark = IN_CHROMIUM
PAUSE = 0.02
"""Seconds between two pieces of the fake model: an answer takes about two seconds."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    coach = Parts(Settings(home=tmp_path_factory.mktemp("home"), answer_cache=False)).coach(SayingModel(repeating, pause=PAUSE))
    warm(coach)
    with serving(create_app(coach)) as address:
        yield address


@pytest.fixture(scope="module")
def browsers(address: str) -> Iterator[Callable[[str], Page]]:
    running: dict[str, Page] = {}

    def give(language: str) -> Page:
        if language not in running:
            running[language] = Page(chromium.start(language), address)
        return running[language]

    yield give
    for page in running.values():
        page.driver.quit()


@pytest.fixture
def page(browsers: Callable[[str], Page]) -> Page:
    page = browsers("nb")
    page.open()
    return page


@pytest.mark.parametrize(
    ("language", "question", "script"),
    [
        ("nb", NORWEGIAN, "æøå"),
        ("sv", "Hur vinner jag tillbaka teamets förtroende efter ett brutet löfte?", "äöå"),
        ("de", "Wie gewinne ich nach einem gebrochenen Versprechen das Vertrauen meines Teams zurück?", "äöü"),
        ("ru", RUSSIAN, "ыэи"),
        ("en", "I broke a promise to my team. How do I win them back?", "w"),
    ],
)
def test_question_is_answered_cards_first_with_sources(browsers: Callable[[str], Page], language: str, question: str, script: str) -> None:
    page = browsers(language)
    page.open()
    assert page.script("return document.documentElement.lang") == language
    page.ask(question)
    page.find("#current .card")
    assert "busy" not in page.text("#current .turn")
    assert page.script("return document.querySelector('#current .turn').getAttribute('aria-busy')") == "true"
    page.find(COMPLETE)
    assert any(letter in page.text("#current .said") for letter in script)
    assert page.text("[role=status][aria-busy]")
    page.press("#current .marker")
    page.visible("dialog[open] mark")
    page.visible("dialog[open] .tip")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog[open]"), "panel closed by Escape")
    assert "marker" in str(page.script("return document.activeElement.className"))


def test_cards_are_there_before_any_word_of_the_model(page: Page) -> None:
    page.script("""
        window.seen = [];
        new MutationObserver(() => {
          const cards = document.querySelectorAll('#current .card').length;
          const marks = document.querySelectorAll('#current .marker').length;
          window.seen.push([cards, marks]);
        }).observe(document.querySelector('#current'), {subtree: true, childList: true});""")
    page.ask(NORWEGIAN)
    page.find(COMPLETE)
    seen = page.script("return window.seen")
    assert any(cards and not marks for cards, marks in seen)
    assert not any(marks and not cards for cards, marks in seen)


def test_stop_stops_and_the_keyboard_is_back_in_the_text_box(page: Page) -> None:
    page.ask(NORWEGIAN)
    page.find("#current .marker")
    page.press("#stop")
    page.find(COMPLETE)
    assert "Stoppet" in page.text("#current .mode")
    page.until(lambda: page.script("return document.activeElement.tagName") == "TEXTAREA", "focus in the text box")
    page.visible("#send")


def test_follow_up_button_asks_on_and_the_first_turn_moves_up(page: Page) -> None:
    page.ask(NORWEGIAN)
    page.find(COMPLETE)
    offered = page.text("#current .next button")
    page.press("#current .next button")
    page.until(lambda: offered in page.text("#current .asked"), "the follow-up as the question")
    page.find(COMPLETE)
    assert NORWEGIAN in page.text("#past .asked")
    page.press("#past .card")
    page.visible("dialog[open] mark")
    page.press("dialog[open] .close")
    page.until(lambda: not page.all("dialog[open]"), "panel closed by its button")


def test_example_is_asked_by_a_click_and_start_over_brings_the_examples_back(page: Page) -> None:
    page.press("#examples button")
    page.find(COMPLETE)
    assert not page.all("#examples button") or not page.find("#examples button").is_displayed()
    page.press("#clear")
    page.until(lambda: not page.all(".turn") and page.find("#examples button").is_displayed(), "a fresh start")


def test_language_is_changed_at_once_and_remembered(browsers: Callable[[str], Page]) -> None:
    page = browsers("en")
    page.open()
    page.script("""const s = document.querySelector('.language select'); s.value = 'de';
        s.dispatchEvent(new Event('change', {bubbles: true}))""")
    page.until(lambda: "Senden" in page.text("#send"), "German")
    page.driver.refresh()
    page.until(lambda: page.all("#examples button") and "Senden" in page.text("#send"), "German after a reload")
    assert page.script("return document.documentElement.lang") == "de"


@pytest.mark.parametrize("typed", ["", "🙂🙂"])
def test_what_is_no_question_is_told_and_stays_in_the_box(page: Page, typed: str) -> None:
    page.fill(typed)
    page.press("#send")
    page.visible(".notice")
    assert page.script("return document.querySelector('#question textarea').value") == typed
    assert not page.all(".turn")


def test_far_too_long_text_is_told_its_length_and_stays(page: Page) -> None:
    page.fill("å" * 50_000)
    page.press("#send")
    assert "50000" in page.text(".notice")
    assert page.script("return document.querySelector('#question textarea').value.length") == 50000


def test_typed_markup_is_text(page: Page) -> None:
    page.ask("Hvordan holder jeg <img src=x onerror=window.hit=1> ${window.hit=1} {{window.hit=1}} løfter til teamet mitt?")
    page.find(COMPLETE)
    assert "<img src=x" in page.text("#current .asked")
    assert page.script("return window.hit === undefined")


def test_draft_survives_a_reload(page: Page) -> None:
    page.type("Et halvferdig spørsmål")
    page.driver.refresh()
    page.find("#examples button")
    page.until(lambda: page.script("return document.querySelector('#question textarea').value") == "Et halvferdig spørsmål", "draft")


@pytest.mark.parametrize("width", [390, 320])
def test_narrow_screen_never_scrolls_sideways(browsers: Callable[[str], Page], width: int) -> None:
    page = browsers("ru")
    page.open(width, dark=True)
    assert page.script(NARROW)
    page.ask(RUSSIAN)
    page.find(COMPLETE)
    assert page.script(NARROW)
    page.press("#current .card")
    assert page.find("dialog[open]").size["width"] == width
    assert page.script(NARROW)


def test_main_job_by_keyboard_alone(page: Page) -> None:
    def focused() -> str:
        return str(page.script("return document.activeElement.className + ' ' + document.activeElement.tagName"))

    page.driver.switch_to.active_element.send_keys(NORWEGIAN, Keys.ENTER)
    page.find(COMPLETE)
    page.until(lambda: "TEXTAREA" in focused(), "the keyboard back in the text box")
    for _ in range(40):
        page.driver.switch_to.active_element.send_keys(Keys.SHIFT, Keys.TAB)
        if "marker" in focused():
            break
    page.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.find("dialog[open] mark")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: "marker" in focused(), "the keyboard back on the marker")


def test_nothing_moves_for_those_who_asked_for_that(page: Page) -> None:
    page.ask(NORWEGIAN)
    page.find("#current .pulse")
    assert page.script("return getComputedStyle(document.querySelector('#current .pulse')).animationName") == "none"
    page.find(COMPLETE)


def test_page_and_first_card_are_there_in_time(address: str) -> None:
    """The best of three: what the page needs, not what else this machine does."""
    found = measure(address, times=3)
    assert min(found["first visit"]) <= 1500
    assert min(found["first card"]) <= 700


def test_every_control_has_a_name_and_is_large_enough(page: Page) -> None:
    page.ask(NORWEGIAN)
    page.find(COMPLETE)
    controls = [e for e in page.all("button, select, textarea, summary") if e.is_displayed()]
    assert len(controls) > 8
    for control in controls:
        assert control.accessible_name, control.get_attribute("outerHTML")
        assert control.size["height"] >= 24
        assert control.size["width"] >= 24


def test_lost_connection_is_told_and_the_question_comes_back(browsers: Callable[[str], Page], tmp_path: Path) -> None:
    coach = Parts(Settings(home=tmp_path, answer_cache=False)).coach(SayingModel(repeating, pause=0.2))
    page = Page(browsers("nb").driver, "")
    with serving(create_app(coach)) as page.address:
        page.open()
        page.ask(NORWEGIAN)
        page.find("#current .marker")
    assert "Forbindelsen ble brutt" in page.text(".lost")
    page.until(lambda: page.script("return document.querySelector('#question textarea').value") == NORWEGIAN, "question in the box")
    assert not page.all("#current .turn[data-state=running]")


def test_no_request_goes_to_another_host_and_no_policy_is_broken(browsers: Callable[[str], Page]) -> None:
    page = browsers("sv")
    page.open()
    page.press("#examples button")
    page.find(COMPLETE)
    page.press("#current .marker")
    page.find("dialog[open] mark")
    hosts = {urlsplit(url).netloc for url in chromium.requested(page.driver) if url.startswith(("http", "ws"))}
    assert hosts == {urlsplit(page.address).netloc}
    assert chromium.complaints(page.driver) == []
