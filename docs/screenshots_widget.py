"""Makes the widget's pictures in docs/screenshots: an intranet of another site with the running chat on it.

    BOT_ORIGINS=http://intranet.test:8123 python run.py --port 7870 &   # wait until it says that the model is ready
    python docs/screenshots_widget.py http://127.0.0.1:7870

Needs Chromium and its driver (Debian: apt-get install chromium chromium-driver).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from screenshots import Camera
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.shadowroot import ShadowRoot

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.browser import chromium
from tests.browser.intranet import Intranet, intranet, named, start

PORT = 8123
SIZES = {"wide": (1280, 800), "phone": (390, 780)}
STYLE = """
  body { margin: 0; font: 17px/1.6 Georgia, "DejaVu Serif", serif; color: #2a2a33; background: #f3f4f7; }
  header { display: flex; gap: 28px; align-items: center; padding: 16px max(24px, calc(50vw - 540px)); color: #fff; background: #24324b;
    font: 600 16px system-ui, sans-serif; }
  header span { font-weight: 400; opacity: .85; }
  main { max-width: 1080px; margin: 28px auto; padding: 0 24px; }
  article { padding: 26px 34px; background: #fff; border-radius: 6px; box-shadow: 0 1px 3px rgb(0 0 0 / 9%); }
  h1 { margin: 0 0 4px; font-size: 30px; line-height: 1.25; } small { color: #6b6f7b; } p { max-width: 34em; }
  @media (prefers-color-scheme: dark) { body { color: #dfe1e8; background: #14171d; } article { background: #1d222b; } }
  @media (max-width: 640px) { header span { display: none; } article { padding: 18px 20px; } h1 { font-size: 24px; } }
"""
PAGES = {
    "nb": """<header>Eksempel AS <span>Nyheter</span><span>Ansatte</span><span>Verktøy</span></header><main><article>
      <h1>Ny leveranseplan for høsten</h1><small>Publisert i dag av Kundeavdelingen</small>
      <p>Flere kunder venter på svar om når de nye løsningene kommer. Planen under gjelder fra mandag.</p>
      <p id="text">Vi lovet kundene svar innen to dager. Det har vi ikke klart i september.</p>
      <p>Snakk med teamet ditt om hva som må til, og meld fra til oss hvis en dato ikke holder.</p></article></main>""",
    "de": """<header>Beispiel GmbH <span>Neuigkeiten</span><span>Personen</span><span>Werkzeuge</span></header><main><article>
      <h1>Neuer Lieferplan für den Herbst</h1><small>Heute veröffentlicht vom Kundendienst</small>
      <p>Mehrere Kunden warten auf die Auskunft, wann die neuen Lösungen kommen. Der Plan gilt ab Montag.</p>
      <p>Besprechen Sie mit Ihrem Team, was dafür nötig ist.</p></article></main>""",
}
QUESTION = "Hva sier jeg til en kunde som har ventet for lenge på svar?"
SECONDS = 60.0


@dataclass
class Studio:
    """A browser on the intranet, and the chat's address."""

    camera: Camera
    site: Intranet
    chat: str

    def page(self, language: str, size: str, *, dark: bool = False, **options: str) -> None:
        """An intranet page with the widget on it."""
        given = "".join(f' data-{name}="{value}"' for name, value in options.items())
        line = f'<script src="{self.chat}/widget.js" defer{given}></script>'
        self.site.put("/page", PAGES[language] + line, head=f"<style>{STYLE}</style>", language=language)
        width, height = SIZES[size]
        chromium.screen(self.camera.driver, width, height, dark=dark, scale=0)  # the browser's own
        self.camera.driver.switch_to.default_content()
        self.camera.driver.get(f"{self.site.origin}/page")
        self.wait(lambda: self.camera.driver.execute_script("return !!window.TrustCoach"))

    @property
    def inside(self) -> ShadowRoot:
        """The widget's part of the page."""
        self.camera.driver.switch_to.default_content()
        return self.camera.driver.find_element(By.CSS_SELECTOR, "html > div:last-of-type").shadow_root

    def click(self, part: str) -> None:
        """Clicks a part of the widget."""
        self.inside.find_element(By.CSS_SELECTOR, part).click()

    def into(self) -> None:
        """On to the panel's page, once it is there."""
        self.wait(lambda: self.inside.find_elements(By.CSS_SELECTOR, ".room.ready"))
        self.camera.driver.switch_to.frame(self.inside.find_element(By.CSS_SELECTOR, "iframe"))

    def ask(self, question: str) -> None:
        """Asks in the panel and waits for the answer."""
        self.camera.driver.find_element(By.CSS_SELECTOR, "#question textarea").send_keys(question, Keys.ENTER)
        self.camera.wait("#current .turn[data-state=complete]")

    def take(self, name: str) -> None:
        """A picture of the whole page with the panel in it."""
        self.camera.driver.switch_to.default_content()
        time.sleep(0.5)
        self.camera.take(f"widget-{name}")

    def wait(self, condition: Callable[[], object]) -> None:
        """Waits until the condition holds."""
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(
                    f"The widget did not open within {SECONDS:.0f} s. Is the chat running with BOT_ORIGINS={self.site.origin}?"
                )
            time.sleep(0.05)


def wide(studio: Studio) -> None:
    """Closed, open, with an answer, with selected text, other options, dark."""
    driver = studio.camera.driver
    studio.page("nb", "wide")
    studio.take("closed")
    studio.click(".launch")
    studio.into()
    studio.take("open")
    studio.into()
    studio.ask(QUESTION)
    studio.take("answer")
    studio.page("nb", "wide", dark=True)
    driver.execute_script("getSelection().selectAllChildren(document.querySelector('#text'))")
    studio.wait(lambda: studio.inside.find_element(By.CSS_SELECTOR, ".corner .about").is_displayed())
    studio.take("selected")
    studio.click(".corner .about")
    studio.into()
    studio.camera.wait(".chip")
    studio.take("chip")
    studio.page("de", "wide", position="left", color="#8a1538", greeting="Rat für Führungskräfte", open="true")
    studio.into()
    studio.take("options")


def phone(studio: Studio) -> None:
    """Closed, and open with an answer."""
    studio.page("nb", "phone")
    studio.take("phone-closed")
    studio.click(".launch")
    studio.into()
    studio.take("phone-open")


def main(address: str) -> None:
    """All pictures."""
    with intranet(PORT) as site:
        chat = named(address, "coach.test")
        for scale, series in ((1, wide), (2, phone)):
            driver = start("nb", chat, site.origin, scale=scale)
            try:
                series(Studio(Camera(driver), site, chat))
            finally:
                driver.quit()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860")
