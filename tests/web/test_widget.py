"""The widget's script as it is served, and the document of its panel."""

from __future__ import annotations

import json
import re

import pytest
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.config import Settings
from bot.web.app import create_app
from bot.web.widget import widget_script

LONGEST = 15_000
NAMES = {"title", "close", "open", "loading", "failed", "retry", "about"}


def test_script_is_small_and_holds_every_language(parts: Parts) -> None:
    script = widget_script(parts.interfaces).decode()
    assert len(script.encode()) <= LONGEST
    told = json.loads(re.search(r"const TEXTS = (\{.*\});", script)[1])  # type: ignore[index]
    assert set(told) == set(parts.interfaces)
    assert all(set(texts) == NAMES and all(texts.values()) for texts in told.values())
    assert told["de"]["open"] == parts.interfaces["de"]["widget_open"]


def test_script_needs_no_other_host_and_makes_no_markup_of_text(parts: Parts) -> None:
    script = widget_script(parts.interfaces).decode()
    assert set(re.findall(r"https?://[^\s\"']+", script)) == {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|postMessage\([^)]*\"\*\"", script)


def test_other_sites_may_load_the_script_and_nothing_else(client: TestClient) -> None:
    response = client.get("/widget.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.headers["cross-origin-resource-policy"] == "cross-origin"
    assert response.headers["x-content-type-options"] == "nosniff"
    for path in ("/", "/embed", "/coach/page.js", "/healthz"):
        assert client.get(path).headers["cross-origin-resource-policy"] == "same-origin"


def test_script_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    kept = client.get("/widget.js").headers["etag"]
    again = client.get("/widget.js", headers={"If-None-Match": kept})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/widget.js", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("address", "language"), [("/embed?lang=ru", "ru"), ("/embed", "sv"), ("/embed?lang=xx", "en"), ("/embed?lang=%22%3E", "en")]
)
def test_panel_speaks_the_language_that_the_widget_asks_for(client: TestClient, address: str, language: str) -> None:
    html = client.get(address, headers={"Accept-Language": "sv"}).text
    assert re.search(rf'<html\s+lang="{language}" data-origins=""', html)


def test_panel_knows_who_may_be_around_it_and_takes_no_orders_of_gradios_kind(parts: Parts) -> None:
    coach = parts.coach(None)
    coach.settings = Settings(home=parts.settings.home, origins=("https://a.example", "http://b:81"))
    with TestClient(create_app(coach)) as client:
        panel, page = client.get("/embed"), client.get("/")
    assert 'data-origins="https://a.example http://b:81"' in panel.text
    assert "embed.js" in panel.text
    for response in (panel, page):
        assert response.status_code == 200
        assert "iframeResizer" not in response.text
        assert "postMessage" not in response.text
        assert '__gradio_mode__ = "app"' in response.text
        nonce = re.search(r"'nonce-([^']+)'", response.headers["content-security-policy"])
        assert nonce is not None
        assert all(f'nonce="{nonce[1]}"' in script for script in re.findall(r"<script([^>]*)>", response.text))
    assert "data-origins" not in page.text
    assert "embed.js" not in page.text
