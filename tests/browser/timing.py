"""Measures in a real Chromium how soon the page can be used and how soon the first card is there.

    BOT_ANSWER_CACHE=false BOT_LIMIT_ADDRESS=10000 python run.py --port 7870 &   # wait until it says that the model is ready
    python -m tests.browser.timing http://127.0.0.1:7870

Prints medians: a first visit (empty cache), a second one, the first card after sending and the end of the answer. Milliseconds as the
browser counts them. Then what the page costs: the end of an answer seen in the browser ÷ the end of the same answer over `POST
/api/ask`, in turns.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import httpx
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import chromium
from tests.browser.page import NORWEGIAN

TIMES = 10
SECONDS = 30.0
QUESTIONS = (
    NORWEGIAN,
    "En kund är arg för att leveransen blev sen igen. Vad säger jag?",
    "Wie sage ich meinem Team ehrlich, dass ich mich geirrt habe?",
    "Сотрудники шепчутся за спиной коллеги. Что мне делать?",
    "How do I keep good customers instead of only chasing new ones?",
)
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
  if (window.card === undefined && is("#current .card")) window.card = performance.now();
  if (is("#current .turn[data-state=complete]")) window.complete = performance.now();
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


def answered(driver: Chrome, question: str) -> tuple[float, float]:
    """Milliseconds from Enter until the first tip card is there, and until the answer is complete."""
    driver.execute_script(_SENT)
    driver.find_element(By.CSS_SELECTOR, "#question textarea").send_keys(question, Keys.ENTER)
    wait(driver, "return window.complete !== undefined")
    card, complete = driver.execute_script("return [window.card - window.sent, window.complete - window.sent]")
    return float(card), float(complete)


def asked(address: str, question: str) -> float:
    """Milliseconds until the same answer is complete over HTTP."""
    since = time.perf_counter()
    httpx.post(f"{address}/api/ask", json={"question": question}, timeout=60).raise_for_status()
    return (time.perf_counter() - since) * 1000


def wait(driver: Chrome, condition: str) -> None:
    """Waits until the script gives true."""
    end = time.monotonic() + SECONDS
    while not driver.execute_script(condition):
        if time.monotonic() > end:
            raise SystemExit(f"Not within {SECONDS:.0f} s: {condition}")
        time.sleep(0.02)


def measure(address: str, times: int = TIMES) -> dict[str, list[float]]:
    """First visits, second visits, first cards and ends of answers, in milliseconds, and the ends' ratio."""
    names = ("first visit", "second visit", "first card", "whole answer in the browser", "whole answer over HTTP", "browser ÷ HTTP")
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(times):
        question = QUESTIONS[turn % len(QUESTIONS)]
        driver = chromium.start("nb")
        try:
            driver.get(f"{address}/healthz")  # the browser itself is awake
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _NOTE})
            found["first visit"].append(first_view(driver, address))
            found["second visit"].append(first_view(driver, address))
            card, complete = answered(driver, question)
        finally:
            driver.quit()
        plain = asked(address, question)
        for name, value in zip(names[2:], (card, complete, plain, complete / plain), strict=True):
            found[name].append(value)
    return found


if __name__ == "__main__":
    load = os.getloadavg()[0]
    for name, values in measure(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860").items():
        form, unit = (".2f", "") if "÷" in name else (".0f", " ms")
        low, middle, high = (format(value, form) for value in (min(values), statistics.median(values), max(values)))
        sys.stdout.write(f"{name}: median {middle}{unit}, from {low} to {high}\n")
    sys.stdout.write(f"load before {load:.1f}\n")
