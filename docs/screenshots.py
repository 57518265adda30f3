"""Makes the pictures in docs/screenshots from the running chat with its real model.

    python run.py --port 7870 &   # wait until it says that the model is ready
    python docs/screenshots.py http://127.0.0.1:7870

Needs Chromium and its driver (Debian: apt-get install chromium chromium-driver).
"""

from __future__ import annotations

import base64
import io
import sys
import time
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
    "ru": "Клиент ждёт ответа, а у меня его ещё нет. Что ему написать?",
}
SIZES = {"wide": (1280, 860), "phone": (390, 780)}
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


def picture_series(address: str, language: str, size: str, *, dark: bool) -> None:
    """First screen, answer, what follows it, and the source panel, in one language, size and colour."""
    camera = Camera(chromium.start(language))
    width, height = SIZES[size]
    name = f"{language}-{size}-{'dark' if dark else 'light'}"
    try:
        chromium.screen(camera.driver, width, height, dark=dark, scale=1 if size == "wide" else 2)
        camera.driver.get(address)
        camera.wait("#examples button")
        camera.take(f"{name}-start")
        box = camera.driver.find_element(By.CSS_SELECTOR, "#question textarea")
        box.send_keys(QUESTIONS[language], Keys.ENTER)
        camera.wait("#current .turn[data-state=complete]")
        if size == "phone":
            camera.show("#current .said")
        camera.take(f"{name}-answer")
        camera.show("#current .reflect")
        camera.take(f"{name}-after")
        camera.show("#current .marker")
        camera.driver.find_element(By.CSS_SELECTOR, "#current .marker").click()
        camera.wait("dialog[open] mark")
        camera.take(f"{name}-source")
    finally:
        camera.driver.quit()


def main(address: str) -> None:
    """All series."""
    FOLDER.mkdir(exist_ok=True)
    for language in QUESTIONS:
        for size in SIZES:
            for dark in (False, True):
                picture_series(address, language, size, dark=dark)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860")
