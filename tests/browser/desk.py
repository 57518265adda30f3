"""A desk for the widget's tests: an intranet, a chat that lists it, and a browser with the steps that a person takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


class Desk(chromium.Driven):
    """A browser on an intranet page, with the steps a person takes. `chat` is the address of the coach."""

    def __init__(self, driver: Chrome, site: Intranet, chat: str) -> None:
        super().__init__(driver)
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

    def open_panel(self) -> None:
        """Opens the panel of the page that is open; from then on the driver speaks with the panel's page."""
        self.click(".launch")
        self.ready()
        self.into()

    def ready(self) -> None:
        self.until(lambda: "ready" in (self.part(".room").get_attribute("class") or ""), "the chat in the panel")

    def focus(self) -> str:
        """What of the widget has the focus; `page` when it is elsewhere."""
        self.driver.switch_to.default_content()
        root = self.inside
        found = self.driver.execute_script("return arguments[0].activeElement", root)
        return str(found.get_attribute("class") or found.tag_name) if found else "page"

    def ask(self, text: str) -> None:
        self.find("#question textarea").send_keys(text, Keys.ENTER)

    def keys(self, *pressed: str) -> None:
        ActionChains(self.driver).send_keys(*pressed).perform()

    def script(self, code: str, *given: Any) -> Any:
        return self.driver.execute_script(code, *given)

    def violations(self) -> list[str]:
        """The rules that the document breaks which the driver speaks with."""
        return [rule for rule, _ in self.examined()]

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
