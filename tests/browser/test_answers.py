"""What a manager does with an answer, in a real Chromium: copying, asking again, changing the question, rating, saving, printing."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from docx import Document
from pypdf import PdfReader
from selenium.webdriver.common.keys import Keys

from bot.assemble import Parts
from bot.config import Settings
from bot.errors import ModelBusyError
from bot.web.app import create_app, warm
from tests.browser import chromium
from tests.browser.page import COMPLETE, IN_CHROMIUM, NARROW, NORWEGIAN, Page
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving

pytestmark = IN_CHROMIUM
OTHER = "Hva gjør jeg når praten i kantina handler om en kollega?"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def opened(home: Path) -> Iterator[Page]:
    coach = Parts(Settings(home=home, feedback=True, feedback_days=30, answer_cache=False)).coach(SayingModel(repeating, pause=0.003))
    warm(coach)
    with serving(create_app(coach)) as address:
        page = Page(chromium.start("nb"), address)
        yield page
        page.driver.quit()


@pytest.fixture
def page(opened: Page) -> Page:
    opened.open()
    return opened


@pytest.fixture
def answered(page: Page) -> Page:
    page.ask(NORWEGIAN)
    page.find(COMPLETE)
    return page


def value(page: Page) -> str:
    return str(page.script("return document.querySelector('#question textarea').value"))


def numbers(page: Page) -> list[str]:
    return [str(turn.get_attribute("data-turn")) for turn in page.all(".turn")]


@pytest.mark.parametrize("secure", [True, False], ids=["clipboard", "without https"])
def test_copied_answer_has_its_words_markers_and_sources(answered: Page, secure: bool) -> None:
    if not secure:
        answered.script("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    said = answered.text("#current .said")
    answered.press("#current .act.copy")
    answered.until(lambda: answered.text("#current .act.copy") == "Kopiert", "copied")
    answered.find("#question textarea").send_keys(Keys.CONTROL, "v")
    answered.until(lambda: value(answered), "pasted")
    pasted = value(answered)
    assert said[:60] in " ".join(pasted.split())
    assert "[1]" in pasted
    assert "Kilder\n[1]" in pasted
    answered.until(lambda: answered.text("#current .act.copy") == "Kopier", "the button's own word again")


def test_changed_question_replaces_its_turn_and_all_that_follow(answered: Page) -> None:
    answered.ask(OTHER)
    answered.until(lambda: OTHER in answered.text("#current .asked") and answered.all(COMPLETE), "a second answer")
    answered.press("#past .act.edit")
    assert value(answered) == NORWEGIAN
    assert len(answered.all(".turn.replaced")) == 2
    answered.type(" Og hva sier jeg til sjefen?")
    answered.type(Keys.ENTER)
    answered.until(lambda: "sjefen" in answered.text("#current .asked") and answered.all(COMPLETE), "the changed question")
    assert len(answered.all(".turn")) == 1
    assert not answered.all(".editing")


def test_question_that_is_left_as_it_was_replaces_nothing(answered: Page) -> None:
    before = numbers(answered)
    answered.press("#current .act.edit")
    answered.press(".editing .link")
    assert value(answered) == ""
    assert not answered.all(".replaced, .editing")
    answered.ask(OTHER)
    answered.until(lambda: OTHER in answered.text("#current .asked") and answered.all(COMPLETE), "a second answer")
    assert len(numbers(answered)) == len(before) + 1


def test_asking_again_replaces_the_newest_answer(answered: Page) -> None:
    (before,) = numbers(answered)
    answered.press("#current .act.again")
    answered.until(lambda: numbers(answered) != [before] and answered.all(COMPLETE), "another answer")
    assert len(answered.all(".turn")) == 1
    assert NORWEGIAN in answered.text("#current .asked")


@pytest.mark.parametrize("kind", ["md", "docx"])
def test_saved_conversation_arrives_as_a_file_and_nothing_stays_on_the_server(
    answered: Page, home: Path, tmp_path: Path, kind: str
) -> None:
    before = sorted(home.rglob("*"))
    answered.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    answered.press("[data-panel=save]")
    answered.press(f"dialog[open] [data-save={kind}]")
    (path,) = answered.until(lambda: [path for path in tmp_path.iterdir() if path.suffix == f".{kind}"], "the file")
    assert path.name.startswith("trust-coach-20")
    content = path.read_bytes()
    text = content.decode() if kind == "md" else "\n".join(p.text for p in Document(io.BytesIO(content)).paragraphs)
    assert NORWEGIAN in text.replace("\\", "")
    assert "Kilder" in text
    assert sorted(home.rglob("*")) == before


def test_paper_has_the_sources_and_no_buttons(answered: Page) -> None:
    pdf = PdfReader(io.BytesIO(base64.b64decode(answered.driver.print_page())))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    assert "Kilder" in text
    assert "[1] «" in text
    assert NORWEGIAN in text
    assert "Kopier" not in text
    assert "Send" not in text


def test_print_button_prints_without_the_panel(answered: Page) -> None:
    answered.script("window.print = () => { window.printed = document.querySelectorAll('dialog[open]').length; }")
    answered.press("[data-panel=save]")
    answered.press("dialog[open] [data-print]")
    assert answered.script("return window.printed") == 0


def test_rating_is_stored_only_after_agreeing(answered: Page, home: Path) -> None:
    folder = home / "feedback"
    answered.press("#current .thumb.down")
    assert "30 dager" in answered.text("#current .consent")
    answered.press("#current [data-refuse]")
    assert not answered.find("#current .consent").is_displayed()
    assert not folder.exists()
    answered.press("#current .thumb.up")
    answered.driver.switch_to.active_element.send_keys("klare ord")
    answered.press("#current [data-agree]")
    assert "Takk" in answered.text("#current .rated")
    (file,) = folder.iterdir()
    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert (json.loads(line)["verdict"], json.loads(line)["word"]) == ("up", "klare ord")


def test_stored_panel_opens_by_keyboard_and_closes_with_escape(page: Page) -> None:
    link = page.find("[data-panel=stored]")
    page.script("document.querySelector('[data-panel=stored]').focus()")
    link.send_keys(Keys.ENTER)
    assert "vurderer" in page.text("dialog[open] .facts")
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    page.until(lambda: not page.all("dialog[open]"), "closed")
    assert page.script("return document.activeElement.dataset.panel") == "stored"


def test_twice_the_letter_size_fits_a_phone(page: Page) -> None:
    chromium.screen(page.driver, 320, 640)
    page.driver.execute_cdp_cmd("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 26}})
    try:
        page.driver.get(page.address)
        page.find("#examples button")
        assert page.script("return getComputedStyle(document.querySelector('.tagline')).fontSize") == "40px"
        page.ask(NORWEGIAN)
        page.find(COMPLETE)
        page.press("#current .thumb.up")
        page.find("#current [data-refuse]")
        assert page.script(NARROW)
        page.find("[data-panel=stored]").send_keys(Keys.ENTER)  # the page may still be scrolling to what was just opened
        page.find("dialog[open] .facts")
        assert page.script(NARROW)
    finally:
        page.driver.execute_cdp_cmd("Page.setFontSizes", {"fontSizes": {"standard": 16, "fixed": 13}})


def test_full_queue_is_told_and_the_worded_answer_can_be_had(opened: Page, tmp_path: Path) -> None:
    class FirstBusy(SayingModel):
        """Its queue is full once."""

        def stream(self, *given):  # type: ignore[no-untyped-def]
            if not self.prompts:
                self.prompts.append(given[0])
                raise ModelBusyError("full")
            yield from super().stream(*given)

    page = Page(opened.driver, "")
    with serving(create_app(Parts(Settings(home=tmp_path, answer_cache=False)).coach(FirstBusy(repeating)))) as page.address:
        page.open()
        page.ask(NORWEGIAN)
        page.find(COMPLETE)
        assert "hendene fulle" in page.text("#current .mode")
        page.press("#current .worded")
        page.until(lambda: page.all(COMPLETE) and "formulert av modellen" in page.text("#current .mode"), "worded by the model")
        assert len(page.all(".turn")) == 1


def test_server_that_comes_back_answers_the_question_that_was_kept(opened: Page, tmp_path: Path) -> None:
    parts = Parts(Settings(home=tmp_path, answer_cache=False))
    page = Page(opened.driver, "")
    with serving(create_app(parts.coach(SayingModel(repeating, pause=0.2)))) as page.address:
        page.open()
        page.ask(NORWEGIAN)
        page.find("#current .marker")
    page.find(".lost .link")
    assert value(page) == NORWEGIAN
    page.press(".lost .link")
    page.until(lambda: page.all(".lost") and value(page) == NORWEGIAN, "still lost, nothing typed is gone")
    port = int(page.address.rsplit(":", 1)[1])
    with serving(create_app(parts.coach(SayingModel(repeating))), port):
        page.script("document.querySelector('.lost .link')?.click()")  # unless the page is being made anew by now
        page.find(COMPLETE)
        assert NORWEGIAN in page.text("#current .asked")
        assert value(page) == ""
