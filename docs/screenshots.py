"""Makes the pictures in docs/screenshots from the running chat with its real model.

    BOT_FEEDBACK=true python run.py --port 7870 &   # wait until it says that the model is ready
    python docs/screenshots.py http://127.0.0.1:7870 [LANGUAGE ...]

Needs Chromium and its driver (Debian: apt-get install chromium chromium-driver).
"""

from __future__ import annotations

import base64
import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.browser import chromium

FOLDER = Path(__file__).resolve().parent / "screenshots"
QUESTIONS = {
    "nb": "Hva gjør jeg når praten i kantina handler om en kollega?",
    "sv": "Hur vinner jag tillbaka teamets förtroende efter ett brutet löfte?",
    "de": "Eine Kundin wartet, aber ich weiß noch keine Antwort. Was schreibe ich?",
    "ru": "Клиент ждёт ответа, а у меня его ещё нет. Что ему написать?",
    "en": "How do I react when someone on my team makes a costly mistake?",
    "da": "Hvad siger jeg til kunden, når leverancen bliver forsinket igen?",
    "fi": "Miten voitan tiimin luottamuksen takaisin, kun lupaus jäi pitämättä?",
    "nl": "Wat doe ik als mijn team over een afwezige collega roddelt?",
    "fr": "Comment réagir quand un collaborateur avoue une erreur coûteuse ?",
    "es": "¿Qué le digo a un cliente que espera una respuesta que aún no tengo?",
    "pl": "Co zrobić, gdy w kuchni plotkują o koledze z zespołu?",
}
SIZES = {"wide": (1280, 860), "phone": (390, 780), "narrow": (320, 640)}
FEW, MANY = ("start", "answer"), ("start", "answer", "rate", "after", "edit", "source", "save", "stored")
SERIES: tuple[tuple[str, str, bool, tuple[str, ...]], ...] = (
    *((language, "wide", False, FEW) for language in ("sv", "de", "ru", "en")),
    *((language, "phone", False, ("answer",)) for language in ("sv", "de", "ru", "en")),
    *((language, "wide", False, ("answer",)) for language in ("da", "fi", "nl", "fr", "es", "pl")),
    ("nb", "wide", False, MANY),
    ("nb", "wide", True, ("start", "answer", "source", "stored")),
    ("nb", "phone", False, ("start", "answer", "after", "source")),
    ("nb", "phone", True, ("start", "answer", "source", "stored")),
    ("nb", "narrow", False, FEW),
    ("ru", "narrow", True, ("answer", "source")),
)
"""Language, size, dark or not, and the pictures."""
SECONDS = 90.0


@dataclass
class Camera:
    """A browser that takes pictures."""

    driver: Chrome

    def wait(self, selector: str) -> None:
        """Waits until something on the page fits the selector."""
        end = time.monotonic() + SECONDS
        while not self.driver.find_elements(By.CSS_SELECTOR, selector):
            if time.monotonic() > end:
                raise SystemExit(f"{selector} did not appear within {SECONDS:.0f} s; is the chat running, and its model ready?")
            time.sleep(0.05)

    def take(self, name: str) -> None:
        """A picture of what is seen now, with few enough colours for a small file."""
        time.sleep(0.4)
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        picture = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
        path = FOLDER / f"{name}.png"
        picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
        sys.stdout.write(f"{path} {path.stat().st_size // 1024} KB\n")

    def show(self, selector: str) -> None:
        """Brings a part to the middle of the view."""
        self.driver.execute_script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)

    def click(self, selector: str) -> None:
        """Clicks a part once it is there."""
        self.wait(selector)
        self.show(selector)
        self.driver.find_element(By.CSS_SELECTOR, selector).click()


def picture_series(address: str, language: str, size: str, *, dark: bool, wanted: tuple[str, ...]) -> None:
    """The pictures of one language, size and colour, in the order in which a manager would come to see them."""
    camera = Camera(chromium.start(language))
    width, height = SIZES[size]
    steps: dict[str, Callable[[], None]] = {
        "start": lambda: camera.wait("#examples button"),
        "answer": lambda: _answer(camera, language, size),
        "rate": lambda: camera.click("#current .thumb.up"),
        "after": lambda: camera.show("#current .reflect"),
        "edit": lambda: camera.click("#current .act.edit"),
        "source": lambda: _panel(camera, "#current .marker"),
        "save": lambda: _panel(camera, "[data-panel=save]"),
        "stored": lambda: _panel(camera, "[data-panel=stored]"),
    }
    try:
        chromium.screen(camera.driver, width, height, dark=dark, scale=1 if size == "wide" else 2)
        camera.driver.get(address)
        for name, step in steps.items():
            if name in wanted or name in FEW:
                step()
            if name in wanted:
                camera.take(f"{language}-{size}-{'dark' if dark else 'light'}-{name}")
            if name in {"rate", "edit"} & set(wanted):
                camera.click("#current [data-refuse]" if name == "rate" else ".editing .link")
    finally:
        camera.driver.quit()


def _answer(camera: Camera, language: str, size: str) -> None:
    box = camera.driver.find_element(By.CSS_SELECTOR, "#question textarea")
    box.send_keys(QUESTIONS[language], Keys.ENTER)
    camera.wait("[data-running=false] #current .turn[data-state=complete]")
    if size != "wide":
        camera.show("#current .said")


def _panel(camera: Camera, opener: str) -> None:
    camera.driver.execute_script("document.querySelector('dialog[open]')?.close()")
    camera.click(opener)
    camera.wait("dialog[open] h2")


def main(address: str, languages: tuple[str, ...]) -> None:
    """The series of these languages, instead of the pictures that there were of them."""
    FOLDER.mkdir(exist_ok=True)
    for language in languages:
        for path in FOLDER.glob(f"{language}-*.png"):
            path.unlink()
    for language, size, dark, wanted in SERIES:
        if language in languages:
            picture_series(address, language, size, dark=dark, wanted=wanted)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860", tuple(sys.argv[2:]) or tuple(QUESTIONS))
