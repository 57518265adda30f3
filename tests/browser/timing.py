"""Measures in a real Chromium how soon the page can be used and how soon the first card is there.

    python run.py --port 7870 &   # wait until it says that the model is ready
    python -m tests.browser.timing http://127.0.0.1:7870

Prints medians: a first visit (empty cache), a second one, and the first card after sending. Milliseconds as the browser counts them.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import chromium

TIMES = 5
SECONDS = 30.0
QUESTION = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"
_NOTE = """
window.noted = {};
const note = () => {
  const see = (name, selector) => {
    if (!(name in window.noted) && document.querySelector(selector)?.getClientRects().length) window.noted[name] = performance.now();
  };
  see("title", "h1"); see("examples", "#examples button"); see("box", "#question textarea");
  requestAnimationFrame(note);
};
note();
"""
_SENT = """
const box = document.querySelector("#question textarea");
box.addEventListener("keydown", (event) => { if (event.key === "Enter") window.sent = performance.now(); }, true);
const look = () => {
  const is = (selector) => document.querySelector(selector)?.getClientRects().length;
  if (is("#current .card")) window.card = performance.now();
  else requestAnimationFrame(look);
};
look();
"""


def first_view(driver: Chrome, address: str) -> float:
    """Milliseconds from asking for the page until title, examples and text box are all there."""
    driver.get(address)
    wait(driver, "return ['title', 'examples', 'box'].every((name) => name in window.noted)")
    noted: dict[str, float] = driver.execute_script("return window.noted")
    return max(noted.values())


def first_card(driver: Chrome) -> float:
    """Milliseconds from Enter until the first tip card is there."""
    driver.execute_script(_SENT)
    driver.find_element(By.CSS_SELECTOR, "#question textarea").send_keys(QUESTION, Keys.ENTER)
    wait(driver, "return window.card !== undefined")
    return float(driver.execute_script("return window.card - window.sent"))


def wait(driver: Chrome, condition: str) -> None:
    """Waits until the script gives true."""
    end = time.monotonic() + SECONDS
    while not driver.execute_script(condition):
        if time.monotonic() > end:
            raise SystemExit(f"Not within {SECONDS:.0f} s: {condition}")
        time.sleep(0.02)


def measure(address: str, times: int = TIMES) -> dict[str, list[float]]:
    """First visits, second visits, and first cards, in milliseconds."""
    found: dict[str, list[float]] = {"first visit": [], "second visit": [], "first card": []}
    for _ in range(times):
        driver = chromium.start("nb")
        try:
            driver.get(f"{address}/healthz")  # the browser itself is awake
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _NOTE})
            found["first visit"].append(first_view(driver, address))
            found["second visit"].append(first_view(driver, address))
            found["first card"].append(first_card(driver))
        finally:
            driver.quit()
    return found


if __name__ == "__main__":
    load = os.getloadavg()[0]
    for name, values in measure(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860").items():
        sys.stdout.write(f"{name}: median {statistics.median(values):.0f} ms, from {min(values):.0f} to {max(values):.0f}\n")
    sys.stdout.write(f"load before {load:.1f}\n")
