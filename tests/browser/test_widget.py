"""The widget in a real Chromium: on pages of another site, with third-party cookies blocked, hostile styles, and by keyboard alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import jwt
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import chromium
from tests.browser.desk import Desk, desk_with
from tests.browser.page import COMPLETE, IN_CHROMIUM, NORWEGIAN

pytestmark = IN_CHROMIUM
SECRET = "correct-horse-battery-staple-0123456789"
HOSTILE = """
    body, body *, html > * { display: none !important; visibility: hidden !important; opacity: 0 !important; }
    html > *, html > * *, div, button, iframe, section, aside {
      all: unset !important; position: absolute !important; top: -9999px !important; left: -9999px !important; z-index: -1 !important;
      transform: scale(0) rotate(90deg) !important; width: 1px !important; height: 1px !important; font-size: 1px !important;
      color: transparent !important; pointer-events: none !important; clip-path: inset(50%) !important; filter: blur(9px) !important;
      transition: all 9999s !important; animation: gone 1s infinite !important; content-visibility: hidden !important; }
    @keyframes gone { from, to { opacity: 0; transform: scale(0); display: none; } }
    html { transform: translateX(40px) rotate(1deg); font-size: 3px; filter: grayscale(1); overflow: hidden; color: red; direction: rtl; }
    #wall { display: block !important; position: fixed !important; inset: 0 !important; width: auto !important; height: auto !important;
      z-index: 2147483647 !important; background: #fc0; }
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[Desk]:
    with desk_with(home) as desk:
        yield desk


@pytest.fixture
def desk(shared: Desk) -> Desk:
    shared.driver.switch_to.default_content()
    shared.site.put("/empty", "")
    shared.driver.get(f"{shared.site.origin}/empty")
    shared.script("sessionStorage.clear(); localStorage.clear()")
    return shared


def test_only_the_small_script_is_loaded_before_the_first_click(desk: Desk) -> None:
    clock = "<script>window.t0 = performance.now()</script>", "<script>window.t1 = performance.now()</script>"
    took: list[float] = []
    desk.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": True})
    for _ in range(3):
        desk.site.put("/timed", f'{clock[0]}<script src="{desk.chat}/widget.js"></script>{clock[1]}')
        desk.driver.get(f"{desk.site.origin}/timed?{len(took)}")
        took.append(desk.script("return t1 - t0"))
    chromium.requested(desk.driver)
    desk.driver.refresh()
    asked = [url for url in chromium.requested(desk.driver) if url.startswith(desk.chat)]
    desk.driver.execute_cdp_cmd("Network.setCacheDisabled", {"cacheDisabled": False})
    assert asked == [f"{desk.chat}/widget.js"]
    script = httpx.get(desk.chat.replace("coach.test", "127.0.0.1") + "/widget.js")
    assert len(script.content) <= 15_000
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert sorted(took)[1] <= 100, took


def test_question_is_answered_on_another_site_with_foreign_cookies_blocked(desk: Desk) -> None:
    policy = f"default-src 'none'; script-src {desk.chat}; frame-src {desk.chat}"  # what docs/EMBED.md asks of a page, and no more
    desk.open_page(policy=policy)
    assert desk.part(".launch").text == "Spør coachen"
    desk.open_panel()
    assert desk.script("document.cookie = 'a=b; SameSite=None; Secure'; return document.cookie") == ""
    assert desk.script("return document.documentElement.lang") == "nb"
    desk.until(lambda: desk.script("return document.activeElement.tagName") == "TEXTAREA", "focus in the text box")
    desk.ask(NORWEGIAN)
    desk.find(COMPLETE)
    assert desk.all("#current .card")
    desk.press("#current .marker")
    desk.visible("dialog[open] mark")
    assert chromium.complaints(desk.driver) == []


def test_escape_closes_and_gives_the_focus_back_and_nothing_is_lost(desk: Desk) -> None:
    desk.open_page()
    desk.open_panel()
    desk.find("#question textarea").send_keys("Et halvt spørsmål")
    desk.keys(Keys.ESCAPE)
    desk.until(lambda: not desk.part(".panel").is_displayed(), "closed by Escape inside the frame")
    assert desk.focus() == "launch"
    desk.keys(Keys.ENTER)
    desk.into()
    assert desk.script("return document.querySelector('#question textarea').value") == "Et halvt spørsmål"
    desk.click(".close")
    assert desk.focus() == "launch"
    desk.keys(Keys.ENTER)
    desk.script("arguments[0].focus()", desk.part(".close"))
    desk.keys(Keys.ESCAPE)
    assert not desk.part(".panel").is_displayed()


def test_escape_with_a_source_open_closes_the_source_first(desk: Desk) -> None:
    desk.open_page()
    desk.open_panel()
    desk.ask(NORWEGIAN)
    desk.find(COMPLETE)
    desk.press("#current .card")
    desk.find("dialog[open]")
    desk.keys(Keys.ESCAPE)
    desk.until(lambda: not desk.all("dialog[open]"), "source closed")
    assert desk.part(".panel").is_displayed()


def test_whole_job_by_keyboard_alone(desk: Desk) -> None:
    desk.open_page('<a href="#a">A</a>')
    for _ in range(4):
        desk.keys(Keys.TAB)
        if desk.focus() == "launch":
            break
    assert desk.focus() == "launch"
    desk.keys(Keys.SPACE)
    desk.ready()
    desk.until(lambda: desk.focus() == "iframe", "focus in the panel")
    desk.into()
    desk.until(lambda: desk.script("return document.activeElement.tagName") == "TEXTAREA", "focus in the text box")
    desk.keys(NORWEGIAN, Keys.ENTER)
    desk.find(COMPLETE)
    desk.keys(Keys.ESCAPE)
    desk.until(lambda: desk.focus() == "launch", "focus back")


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_styles_break_nothing(desk: Desk, width: int) -> None:
    desk.open_page('<div id="wall">x</div>', head=f"<style>{HOSTILE}</style>", width=width)
    launch = desk.part(".launch").rect
    assert launch["height"] >= 50
    assert (width - 20) - (launch["x"] + launch["width"]) == pytest.approx(0, abs=1)
    desk.click(".launch")
    desk.ready()
    panel = desk.part(".panel").rect
    assert panel["height"] >= 690
    assert panel["width"] == (430 if width == 1280 else 390)
    assert desk.script("return getComputedStyle(arguments[0]).opacity", desk.part("iframe")) == "1"
    desk.into()
    desk.ask(NORWEGIAN)
    desk.find(COMPLETE)
    desk.click(".close")
    assert not desk.part(".panel").is_displayed()


def test_page_and_panel_cannot_read_each_other(desk: Desk) -> None:
    desk.open_page('<p id="secret">lønnsliste</p>')
    desk.click(".launch")
    desk.ready()
    refused = "try { return String(%s) } catch (error) { return error.name }"
    frame = desk.part("iframe")  # which the driver finds, but no script of the page
    for attempt in ("document", "location.href", "trustCoach", "localStorage", "fetch"):
        assert desk.script(refused % f"arguments[0].contentWindow.{attempt}", frame) == "SecurityError"
    assert desk.script("return document.querySelector('html > div').shadowRoot") is None
    assert desk.script("return document.querySelectorAll('iframe').length + frames.length") == 0
    desk.into()
    reached = ("parent.document", "parent.location.href", "parent.TrustCoach", "top.document.title", "frameElement.id")
    assert {desk.script(refused % attempt) for attempt in reached} <= {"SecurityError", "TypeError"}
    assert desk.script("return document.referrer") == f"{desk.site.origin}/"  # the site, never the page
    assert desk.script("try { top.location.href = 'about:blank'; return 'moved' } catch (error) { return error.name }") == "SecurityError"


@pytest.mark.parametrize("secure", [True, False])
def test_panel_stays_empty_on_a_site_that_is_not_listed(home: Path, secure: bool) -> None:
    with desk_with(home, secure=secure) as desk:
        for at, shown in ((desk.site.stranger, False), (desk.site.origin, True)):
            frame = f'<iframe id="bare" src="{desk.chat}/embed"></iframe><iframe id="page" src="{desk.chat}/"></iframe>'
            desk.open_page(frame, at=at)
            desk.click(".launch")
            if shown:
                desk.ready()
            time.sleep(0 if shown else 2)
            for name, there in (("iframe", shown), ("#bare", shown), ("#page", False)):
                desk.driver.switch_to.default_content()
                desk.driver.switch_to.frame(desk.part(name) if name == "iframe" else desk.find(name))
                assert bool(desk.all("gradio-app, #question")) is there, (at, name)


def test_panel_that_never_answers_is_told_and_can_be_tried_again(desk: Desk) -> None:
    quick = "<script>const wait = setTimeout; window.setTimeout = (act, ms) => wait(act, Math.min(ms, 1500))</script>"
    desk.open_page(at=desk.site.stranger, head=quick)
    desk.click(".launch")
    desk.until(lambda: "ikke tilgjengelig" in desk.part(".state").text, "a clear line")
    desk.click(".retry")
    assert "Åpner" in desk.part(".state").text
    assert desk.focus() == "close"


def test_messages_of_others_or_of_another_shape_change_nothing(desk: Desk) -> None:
    chip = "{coach: 1, type: 'chip', text: 'Hvem er sjefen?', title: ''}"
    both = f"parent.frames.panel.postMessage({chip}, '*'); parent.postMessage({{coach: 1, type: 'close'}}, '*')"
    desk.site.put("/evil", f"<script>setInterval(() => {{ {both} }}, 50)</script>")
    desk.open_page(f'<iframe name="panel" src="{desk.chat}/embed"></iframe><iframe src="{desk.site.stranger}/evil"></iframe>')
    desk.click(".launch")
    desk.ready()
    desk.driver.switch_to.frame(desk.find("[name=panel]"))
    desk.find("#examples button")
    time.sleep(0.3)
    assert not desk.all(".chip")  # a neighbour asked for it, not the page around
    frame = desk.part("iframe")
    wrong = [
        "{coach: 1, type: 'chip', text: 'x'.repeat(501), title: ''}",
        "{coach: 1, type: 'chip', text: 5, title: ''}",
        "{coach: 1, type: 'chip', text: 'x'}",
        "{coach: 1, type: 'chip', text: 'x', title: '', more: 1}",
        "{coach: 2, type: 'chip', text: 'x', title: ''}",
        "{coach: 1, type: 'constructor', text: 'x', title: ''}",
        "{coach: 1, type: '__proto__'}",
        "{coach: 1, type: 'hello', token: '', color: 'red;} body{display:none'}",
        "'chip'",
        "null",
        "[1, 'chip']",
    ]
    for message in wrong:
        desk.script(f"arguments[0].contentWindow.postMessage({message}, '*')", frame)
    desk.script("postMessage({coach: 1, type: 'close'}, '*')")  # the page to itself: right shape, wrong source
    time.sleep(0.5)
    assert desk.part(".panel").is_displayed()
    desk.into()
    assert not desk.all(".chip")
    desk.script("parent.postMessage({coach: 1, type: 'close', more: 1}, '*'); parent.postMessage({coach: 1, type: 'toString'}, '*')")
    time.sleep(0.3)
    assert desk.part(".panel").is_displayed()
    frame = desk.part("iframe")
    desk.script(f"arguments[0].contentWindow.postMessage({chip}, arguments[1])", frame, desk.chat)  # the page around may offer a text
    desk.into()
    assert desk.find(".chip blockquote").text == "Hvem er sjefen?"


def test_selected_text_goes_along_only_when_the_manager_asks_sees_and_sends(desk: Desk) -> None:
    text = "Vi lovet kunden svar på mandag. <b>Nå er det onsdag.</b>"
    desk.open_page(f'<p id="text">{text}</p><input value="passord">')
    assert not desk.part(".corner .about").is_displayed()
    desk.select("#text")
    desk.until(lambda: desk.part(".corner .about").is_displayed(), "the offer")
    desk.click(".corner .about")
    desk.ready()
    desk.into()
    assert desk.find(".chip blockquote").text == "Vi lovet kunden svar på mandag. Nå er det onsdag."
    assert not desk.all(".turn")
    desk.find(".chip button").click()
    assert not desk.all(".chip")
    desk.ask(NORWEGIAN)
    desk.find(COMPLETE)
    assert "onsdag" not in desk.find("#current .asked").text
    desk.driver.switch_to.default_content()
    desk.script("getSelection().removeAllRanges()")
    desk.select("#text")
    desk.until(lambda: desk.part(".panel .about").is_displayed(), "the offer inside the panel")
    desk.click(".panel .about")
    desk.into()
    desk.find(".chip")
    desk.ask("Hva sier jeg til kunden?")
    desk.until(lambda: "onsdag" in desk.find("#current .asked").text, "the text in the question")
    assert "Nyheter" in desk.find("#current .asked").text
    desk.find(COMPLETE)
    assert not desk.all(".chip")


def test_text_in_a_field_is_not_offered(desk: Desk) -> None:
    desk.open_page('<textarea id="field">hemmelig notat om en ansatt</textarea>')
    desk.script("const field = document.querySelector('#field'); field.focus(); field.select()")
    time.sleep(0.6)
    assert not desk.part(".corner .about").is_displayed()


def test_fills_a_phone_and_keeps_the_tab_key_inside(desk: Desk) -> None:
    desk.open_page('<a href="#a">A</a>', width=390, open="true")
    assert not desk.part(".panel").is_displayed()  # would hide the page
    desk.click(".launch")
    desk.ready()
    whole = {"x": 0, "y": 0, "width": 390, "height": 800}
    desk.until(lambda: desk.part(".panel").rect == whole, "the panel over the whole screen")
    desk.into()
    desk.visible("#question textarea")
    desk.script("arguments[0].focus()", desk.part(".close"))
    for _ in range(30):
        desk.keys(Keys.TAB)
        desk.until(lambda: desk.focus() in {"close", "iframe"}, "focus in the panel")  # on its way between two processes it is nowhere
    desk.into()
    assert desk.script("return document.documentElement.scrollWidth <= innerWidth")


def test_open_on_load_leaves_the_focus_alone_and_a_closed_one_stays_closed(desk: Desk) -> None:
    desk.open_page('<input id="search">', open="true", position="left", color="#8a1538", greeting="Snakk med coachen", language="de")
    desk.script("document.querySelector('#search').focus()")
    desk.ready()
    assert desk.script("return document.activeElement.id") == "search"
    assert desk.part(".panel").rect["x"] == 20
    assert desk.script("return getComputedStyle(arguments[0]).backgroundColor", desk.part(".head")) == "rgb(138, 21, 56)"
    desk.into()
    assert desk.find("#send").text == "Senden"
    assert desk.script("return getComputedStyle(document.documentElement).getPropertyValue('--accent')") == "#8a1538"
    desk.click(".close")
    assert desk.part(".launch").text == "Snakk med coachen"
    desk.driver.refresh()
    desk.until(lambda: desk.script("return !!window.TrustCoach"))
    assert not desk.part(".panel").is_displayed()
    assert not desk.inside.find_elements(By.CSS_SELECTOR, "iframe")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_axe_finds_nothing_on_widget_and_panel(desk: Desk, width: int, dark: bool) -> None:
    opened = "const how = Element.prototype.attachShadow; "
    opened += "Element.prototype.attachShadow = function () { return how.call(this, {mode: 'open'}) }"
    desk.driver.set_script_timeout(60)
    desk.open_page('<main><h1>Nyheter</h1><p id="text">Tekst</p></main>', head=f"<script>{opened}</script>", width=width)
    chromium.screen(desk.driver, width, 800, dark=dark)
    desk.select("#text")
    desk.until(lambda: desk.part(".corner .about").is_displayed(), "the offer")
    assert desk.violations() == []
    desk.click(".corner .about")
    desk.ready()
    assert desk.violations() == []
    desk.into()
    desk.find(".chip")
    assert desk.violations() == []
    desk.ask(NORWEGIAN)
    desk.find(COMPLETE)
    assert desk.violations() == []
    desk.script("arguments[0].removeAttribute('aria-label')", desk.part(".close"))
    assert desk.violations() == ["button-name"]  # it does look


def test_conversation_can_be_saved_from_the_panel(desk: Desk, tmp_path: Path) -> None:
    desk.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    desk.open_page()
    desk.open_panel()
    desk.ask(NORWEGIAN)
    desk.find(COMPLETE)
    desk.press("[data-panel=save]")
    desk.press("dialog[open] [data-save=md]")
    desk.until(lambda: list(tmp_path.glob("*.md")), "the file")
    assert NORWEGIAN in next(tmp_path.glob("*.md")).read_text(encoding="utf-8")


def token(seconds: int) -> str:
    return jwt.encode({"sub": "kari", "aud": "trust-coach", "exp": int(time.time()) + seconds}, SECRET, "HS256")


def test_token_of_the_intranet_opens_the_chat_and_is_in_no_address(home: Path) -> None:
    with desk_with(home, identity="required", token_algorithm="HS256", token_secret=SECRET) as desk:  # noqa: S106
        desk.open_page()
        desk.open_panel()
        assert "logget inn" in desk.find("[role=alert]").text
        assert not desk.all("#examples button")

        given = token(300)
        desk.open_page(token=given)
        desk.open_panel()
        desk.ask(NORWEGIAN)
        desk.find(COMPLETE)
        addresses = desk.script("return performance.getEntries().map((entry) => entry.name).concat(location.href, document.referrer)")
        assert not any(given[:20] in address for address in addresses)
        assert desk.script("return JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])").find(given[:20]) == -1

        desk.open_page("<script>window.given = []; window.coachToken = async () => given.shift()</script>", token_callback="coachToken")  # noqa: S106
        desk.script("given.push(arguments[0], arguments[1])", token(-3600), token(300))
        desk.open_panel()
        desk.ask(NORWEGIAN)
        desk.find(COMPLETE)
        assert desk.script("return document.body.dataset.refused") is None


def test_who_asks_too_much_is_told_in_a_sentence_and_keeps_the_question(home: Path) -> None:
    with desk_with(home, limit_address=1) as desk:
        desk.open_page()
        desk.open_panel()
        desk.ask(NORWEGIAN)
        desk.find(COMPLETE)
        desk.ask("Hva med kunden?")
        assert "mange spørsmål" in desk.find("#composer .notice.lost").text
        assert desk.script("return document.querySelector('#question textarea').value") == "Hva med kunden?"
