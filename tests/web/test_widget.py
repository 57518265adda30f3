"""The widget's script as it is served, and the document of its panel."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.config import Settings
from bot.web.app import create_app
from bot.web.document import STATIC
from bot.web.identity import Identities
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


@pytest.fixture(scope="module")
def guide() -> str:
    return (Path(__file__).resolve().parents[2] / "docs" / "EMBED.md").read_text(encoding="utf-8")


def test_guide_names_every_option_of_the_script_and_no_other(guide: str) -> None:
    script = (STATIC / "widget.js").read_text(encoding="utf-8")
    options = {re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name) for name in re.findall(r"\boptions\.(\w+)", script)}
    assert options == set(re.findall(r"`data-([a-z-]+)=", guide))


def test_guide_names_settings_that_there_are(guide: str) -> None:
    named = set(re.findall(r"`((?:token|limit|user)_\w+)`", guide)) | set(re.findall(r"(?m)^(\w+) = ", guide))
    assert {"token_secret", "origins", "identity"} <= named
    assert named <= set(Settings.model_fields)


def test_guides_python_example_signs_a_token_that_is_taken(guide: str) -> None:
    example = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert example is not None
    names: dict[str, object] = {}
    exec(example[1], names)  # noqa: S102 - our own text
    secret = "an-intranets-secret-of-many-bytes-1234"
    token = names["coach_token"]("kari", secret)  # type: ignore[operator]
    settings = Settings(identity="required", token_algorithm="HS256", token_secret=secret, token_issuer="intranet")  # noqa: S106
    assert Identities.from_settings(settings).user(Headers({"x-coach-token": token}), from_proxy=False) == "token kari"
