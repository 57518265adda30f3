"""axe-core finds nothing on the page: first screen, answer, panels, in light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.assemble import Parts
from bot.config import Settings
from bot.web.app import create_app, warm
from tests.browser import chromium
from tests.browser.page import COMPLETE, IN_CHROMIUM, NORWEGIAN, Page
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving

pytestmark = IN_CHROMIUM


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    home: Path = tmp_path_factory.mktemp("home")
    coach = Parts(Settings(home=home, feedback=True)).coach(SayingModel(repeating))
    warm(coach)
    with serving(create_app(coach)) as address:
        page = Page(chromium.start("nb"), address)
        page.driver.set_script_timeout(60)
        yield page
        page.driver.quit()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing(opened: Page, width: int, dark: bool) -> None:
    page = opened
    page.open(width, dark=dark)
    assert page.examined() == []
    page.ask(NORWEGIAN)
    page.find(COMPLETE)
    page.press("#current .thumb.up")
    assert page.examined() == []
    page.press("#current .act.edit")
    page.find(".editing")
    assert page.examined() == []
    page.press("#current .marker")
    page.find("dialog[open] mark")
    assert page.examined() == []
    for panel in ("save", "stored"):
        page.press("dialog[open] .close")
        page.until(lambda: not page.all("dialog[open]"), "closed")
        page.press(f"[data-panel={panel}]")
        page.find("dialog[open] h2")
        assert page.examined() == [], panel
    page.press("dialog[open] .close")


def test_axe_finds_what_is_wrong(opened: Page) -> None:
    opened.open()
    opened.script("document.querySelector('#examples button').replaceChildren()")
    assert "button-name" in [one[0] for one in opened.examined()]
