"""A browser on the page, with the steps a person takes."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys

from tests.browser import chromium

COMPLETE = "#current .turn[data-state=complete]"
RUSSIAN = "Как вернуть доверие команды, если я не сдержал обещание?"
NORWEGIAN = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"
NARROW = "return document.documentElement.scrollWidth <= window.innerWidth"
IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium.BROWSER is None or chromium.DRIVER is None,
        reason="no chromium and chromedriver here (apt-get install chromium chromium-driver)",
    ),
]


class Page(chromium.Driven):
    """A browser on the page, with the steps a person takes."""

    def __init__(self, driver: Chrome, address: str) -> None:
        super().__init__(driver)
        self.address = address

    def open(self, width: int = 1280, *, dark: bool = False) -> None:
        """A fresh start: nothing is left of earlier tests in the browser."""
        chromium.screen(self.driver, width, 800, dark=dark)
        self.driver.get(f"{self.address}/healthz")
        self.driver.execute_script("sessionStorage.clear(); localStorage.clear()")
        self.driver.get(self.address)
        self.find("#examples button")

    def type(self, text: str) -> None:
        self.find("#question textarea").send_keys(text)

    def fill(self, text: str) -> None:
        """As pasting does: all at once, and characters that no key gives."""
        code = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        self.driver.execute_script(code, self.find("#question textarea"), text)

    def ask(self, text: str) -> None:
        self.type(text)
        self.type(Keys.ENTER)

    def text(self, selector: str) -> str:
        code = "return [document.querySelector(arguments[0])?.textContent ?? null]"

        def texts() -> list[str]:
            return [found for found in self.driver.execute_script(code, selector) if found is not None]

        return " ".join(self.until(texts, selector)[0].split())

    def script(self, code: str) -> Any:
        return self.driver.execute_script(code)
