"""Starts a real Chromium for the page: width, colours and language as wanted, and what it loaded and complained about."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
_EXAMINE = """
const tell = arguments[arguments.length - 1];
axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]})
  .then((found) => found.violations.map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 150))]))
  .then(tell, (why) => tell([[String(why), []]]));
"""
SECONDS = 15.0
"""Longest wait for a thing on the page."""
_MOVING = (NoSuchElementException, StaleElementReferenceException, ElementNotInteractableException, ElementClickInterceptedException)
"""What an element says that the page replaces, hides or covers at this very moment."""
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
)


class Driven:
    """Somebody at a browser, who looks until a thing is there."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def until(self, condition: Callable[[], Any], what: str = "condition") -> Any:
        """What the condition gives as soon as it gives anything; an element that is replaced while it looks is looked for again."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with suppress(*_MOVING):
                found = condition()
                if found:
                    return found
            time.sleep(0.02)
        raise AssertionError(f"not within {SECONDS:.0f} s: {what}; the console says {complaints(self.driver)}")

    def all(self, selector: str) -> list[WebElement]:
        """What fits the selector now."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str) -> WebElement:
        """The first that fits, once there is one."""
        found: list[WebElement] = self.until(lambda: self.all(selector), selector)
        return found[0]

    def visible(self, selector: str) -> WebElement:
        """The first that fits, once it can be seen: a panel that opens fades in."""
        seen: list[WebElement] = self.until(lambda: [one for one in self.all(selector)[:1] if one.is_displayed()], f"{selector} in sight")
        return seen[0]

    def press(self, selector: str) -> None:
        """Clicks something once it can be seen, brought to the middle first."""

        def pressed() -> bool:
            element = self.visible(selector)
            self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
            element.click()
            return True

        self.until(pressed, f"a click on {selector}")

    def examined(self) -> list[tuple[str, list[str]]]:
        """What axe-core finds wrong with the document that the driver speaks with: the rule, and the parts that break it."""
        axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.driver.execute_script(axe)
        return [(rule, parts) for rule, parts in self.driver.execute_async_script(_EXAMINE)]


def start(language: str, *arguments: str, preferences: dict[str, Any] | None = None) -> webdriver.Chrome:
    """A browser with a fresh profile that asks for pages in the language.

    Args:
        arguments: further ones of the command line.
        preferences: of the profile, by Chromium's names.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for argument in (*_ARGUMENTS, f"--accept-lang={language}", f"--lang={language}", *arguments):
        options.add_argument(argument)
    options.add_experimental_option("prefs", preferences or {})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(30)
    return driver


def screen(driver: webdriver.Chrome, width: int, height: int, *, dark: bool = False, scale: float = 1, calm: bool = True) -> None:
    """Size, colours and motion, as a person's system would ask for them."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
        {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def requested(driver: webdriver.Chrome) -> list[str]:
    """Addresses that the browser asked for since this was called last."""
    messages = [json.loads(entry["message"])["message"] for entry in _log(driver, "performance")]
    sent: list[dict[str, Any]] = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    return [str(parameters["request"]["url"]) for parameters in sent]


def complaints(driver: webdriver.Chrome) -> list[str]:
    """What the browser's console says is wrong, policy violations among it, since this was called last."""
    return [str(entry["message"]) for entry in _log(driver, "browser") if entry["level"] in {"SEVERE", "WARNING"}]


def _log(driver: webdriver.Chrome, kind: str) -> list[dict[str, Any]]:
    return list(driver.get_log(kind))  # type: ignore[no-untyped-call]
