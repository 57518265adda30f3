"""A desk for the widget's tests: an intranet, a chat that lists it, and a browser with the steps that a person takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.shadowroot import ShadowRoot
from selenium.webdriver.remote.webelement import WebElement

from bot.assemble import Parts
from bot.config import Settings
from bot.web.app import create_app, warm
from tests.browser import chromium
from tests.browser.intranet import Intranet, intranet, named, start
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving

SECONDS = 15.0
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
_EXAMINE = """
const tell = arguments[arguments.length - 1];
const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
axe.run(document, {runOnly, resultTypes: ["violations"]})
  .then((found) => tell(found.violations.map((one) => one.id)), (why) => tell([String(why)]));
"""


class Desk:
    """A browser on an intranet page, with the steps a person takes. `chat` is the address of the coach."""

    def __init__(self, driver: Chrome, site: Intranet, chat: str) -> None:
        self.driver = driver
        self.site = site
        self.chat = chat

    def line(self, **options: str) -> str:
        """The line that an editor pastes."""
        given = "".join(f' data-{name.replace("_", "-")}="{value}"' for name, value in options.items())
        return f'<script src="{self.chat}/widget.js" defer{given}></script>'

    def open_page(
        self, body: str = "<h1>Nyheter</h1>", *, at: str = "", width: int = 1280, head: str = "", policy: str = "", **options: str
    ) -> None:
        chromium.screen(self.driver, width, 800)
        self.site.put("/page", body + self.line(**options), head=head, policy=policy)
        self.driver.switch_to.default_content()
        self.driver.get(f"{at or self.site.origin}/page")
        self.until(lambda: self.driver.execute_script("return !!window.TrustCoach"), "the widget's script")

    @property
    def inside(self) -> ShadowRoot:
        """The widget's own part of the page; for a page's scripts it is closed."""
        self.driver.switch_to.default_content()
        return self.driver.find_element(By.CSS_SELECTOR, "html > div:last-of-type").shadow_root

    def part(self, name: str) -> WebElement:
        return self.inside.find_element(By.CSS_SELECTOR, name)

    def click(self, name: str) -> None:
        self.part(name).click()

    def into(self) -> None:
        """From here on the driver speaks with the panel's page."""
        frame = self.part("iframe")
        self.driver.switch_to.frame(frame)

    def ready(self) -> None:
        self.until(lambda: "ready" in (self.part(".room").get_attribute("class") or ""), "the chat in the panel")

    def focus(self) -> str:
        """What of the widget has the focus; `page` when it is elsewhere."""
        self.driver.switch_to.default_content()
        root = self.inside
        found = self.driver.execute_script("return arguments[0].activeElement", root)
        return str(found.get_attribute("class") or found.tag_name) if found else "page"

    def until(self, condition: Callable[[], Any], what: str = "condition") -> Any:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = condition()
            if found:
                return found
            time.sleep(0.03)
        raise AssertionError(f"not within {SECONDS:.0f} s: {what}; the console says {chromium.complaints(self.driver)}")

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str) -> WebElement:
        self.until(lambda: self.all(selector), selector)
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, selector: str) -> None:
        """Clicks something in the panel's page, brought to the middle first."""
        self.script("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def ask(self, text: str) -> None:
        self.find("#question textarea").send_keys(text, Keys.ENTER)

    def keys(self, *pressed: str) -> None:
        ActionChains(self.driver).send_keys(*pressed).perform()

    def script(self, code: str, *given: Any) -> Any:
        return self.driver.execute_script(code, *given)

    def violations(self) -> list[str]:
        """What axe-core finds wrong with the document that the driver speaks with."""
        self.script(AXE)
        return list(self.driver.execute_async_script(_EXAMINE))

    def select(self, selector: str) -> None:
        """Marks the text of a part of the page."""
        self.script("getSelection().selectAllChildren(document.querySelector(arguments[0]))", selector)


@contextmanager
def desk_with(home: Path, *, secure: bool = True, **settings: Any) -> Iterator[Desk]:
    """An intranet, a chat that lists it, and a browser."""
    coach = Parts(Settings(home=home)).coach(SayingModel(repeating, pause=0.01))
    with intranet() as site:
        coach.settings = Settings(home=home, origins=(site.origin,), **settings)
        warm(coach)
        with serving(create_app(coach)) as address:
            chat = named(address, "coach.test")
            driver = start("en", *([chat, site.origin, site.stranger] if secure else []))
            try:
                yield Desk(driver, site, chat)
            finally:
                driver.quit()
