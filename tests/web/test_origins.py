"""Where a request comes from: which sites may show the panel and call the interface, and which proxies are believed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.config import Settings
from bot.errors import SettingsError
from bot.web.app import create_app
from bot.web.origins import Origins, normal_origin
from bot.web.proxies import Proxies, neighbourhood

INTRANET = "https://intranet.example"
FORGED = [
    "https://evil.example",
    "http://intranet.example",
    "https://intranet.example.evil.example",
    "https://evil-intranet.example",
    "https://intranet.example:444",
    "https://sub.intranet.example",
    "https://intranet.example@evil.example",
    "https://intranet.example%00.evil.example",
    "https://intranet.example,https://evil.example",
    "https://intranet.example https://evil.example",
    "https://evil.example#https://intranet.example",
    "https://evil.example/https://intranet.example",
    "https://intranet。example.evil.example",
    "https://іntranet.example",
    "ftp://intranet.example",
    "javascript://intranet.example",
    "file://",
    "data:text/html,x",
    "null",
    "*",
    "",
    "intranet.example",
    "//intranet.example",
    "https://intranet.exampl",
]
"""Another scheme, port, host, look-alike letters, two in one, none at all."""
ASKED = {"question": "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"}


@pytest.fixture(scope="module")
def client(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    coach = parts.coach(None)
    coach.settings = Settings(home=tmp_path_factory.mktemp("home"), origins=(INTRANET,), limit_address=100_000)
    with TestClient(create_app(coach)) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://Intranet.Example/", INTRANET),
        ("https://intranet.example:443", INTRANET),
        ("http://intranet:8080", "http://intranet:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
    ],
)
def test_origin_is_written_as_browsers_write_it(text: str, normal: str) -> None:
    assert normal_origin(text) == normal


@pytest.mark.parametrize(
    "text", ["*", "https://*.example", "intranet.example", "https://a.example/path", "null", "https://a.example:x", ""]
)
def test_what_is_no_origin_is_refused_in_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="origin"):
        Origins.parse([text])


def raw(headers: dict[str, str]) -> dict[bytes, bytes]:
    """Headers as bytes, so that look-alike letters travel too."""
    return {name.encode(): value.encode() for name, value in headers.items()}


def frame(client: TestClient, path: str, **headers: str) -> int:
    response = client.get(path, headers=raw({"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site", **headers}))
    if response.status_code != 200:
        assert response.content == b""
    return response.status_code


@pytest.mark.parametrize("origin", FORGED)
def test_forged_origin_gets_no_panel_and_no_answer(client: TestClient, origin: str) -> None:
    assert frame(client, "/embed", Referer=f"{origin}/page?x=https://intranet.example/") == 403
    for path in ("/api/ask", "/gradio_api/queue/join", "/gradio_api/run/predict"):
        response = client.post(path, json=ASKED, headers=raw({"Origin": origin, "Sec-Fetch-Site": "cross-site"}))
        assert response.status_code == 403
        assert "access-control-allow-origin" not in response.headers


def test_at_least_twenty_origins_are_forged() -> None:
    assert len(set(FORGED)) >= 20
    assert all(normal_origin(origin) != INTRANET for origin in FORGED)


def test_listed_origin_shows_the_panel_but_not_the_page(client: TestClient) -> None:
    assert frame(client, "/embed", Referer=f"{INTRANET}/start") == 200
    assert frame(client, "/", Referer=f"{INTRANET}/start") == 403
    assert frame(client, "/", **{"Sec-Fetch-Site": "same-origin"}) == 200
    assert client.get("/embed", headers={"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}).status_code == 200


def test_policy_names_the_listed_origins_on_the_panel_only(client: TestClient) -> None:
    assert f"frame-ancestors 'self' {INTRANET}" in client.get("/embed").headers["content-security-policy"]
    for path in ("/", "/healthz", "/widget.js"):
        assert client.get(path).headers["content-security-policy"].endswith("frame-ancestors 'self'")


def test_empty_list_means_none_but_its_own(parts: Parts) -> None:
    with TestClient(create_app(parts.coach(None))) as client:
        assert frame(client, "/embed") == 403
        assert frame(client, "/embed", Referer=f"{INTRANET}/") == 403
        assert frame(client, "/embed", **{"Sec-Fetch-Site": "same-origin"}) == 200
        assert frame(client, "/embed", Referer="http://testserver/page") == 200
        assert client.get("/embed").headers["content-security-policy"].endswith("frame-ancestors 'self'")


def test_listed_origin_may_call_the_interface_and_nothing_else(client: TestClient) -> None:
    headers = {"Origin": INTRANET, "Sec-Fetch-Site": "cross-site"}
    response = client.post("/api/ask", json=ASKED, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == INTRANET
    assert "access-control-allow-credentials" not in response.headers
    assert client.post("/gradio_api/queue/join", json={}, headers=headers).status_code == 403
    assert client.get("/gradio_api/queue/data?session_hash=x", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize(("origin", "status"), [(INTRANET, 200), ("https://evil.example", 400)])
def test_preflight_answers_listed_origins_only(client: TestClient, origin: str, status: int) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-coach-token"}
    response = client.options("/api/ask", headers=asked)
    assert response.status_code == status
    assert response.headers.get("access-control-allow-origin") == (origin if status == 200 else None)


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ({}, True),  # a program
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://coach.example:7860", "Host": "coach.example:7860"}, True),
        ({"Origin": "https://coach.example", "Host": "coach.example"}, True),
        ({"Origin": "https://coach.example", "Host": "127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}, True),  # a proxy changed Host
        ({"Origin": "https://coach.example", "Host": "127.0.0.1:7860", "X-Forwarded-Host": "coach.example"}, True),  # and said so
        ({"Origin": "https://coach.example", "Host": "127.0.0.1:7860"}, False),
        ({"Origin": "null", "Host": "coach.example", "Sec-Fetch-Site": "same-origin"}, False),
    ],
)
def test_the_chats_own_page_may_call(headers: dict[str, str], may: bool) -> None:
    assert Origins((INTRANET,)).may_call(Headers(headers), listed=False) is may


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.5", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.5", "203.0.113.9:51234", "203.0.113.9"),
        ("10.0.0.5", "[2001:db8::9]:51234", "2001:db8::9"),
        ("10.0.0.5", "203.0.113.9, rubbish", "10.0.0.5"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("::ffff:10.0.0.5", "203.0.113.9", "203.0.113.9"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ("testclient", "203.0.113.9", "testclient"),
    ],
)
def test_forwarded_address_is_believed_from_listed_proxies_only(peer: str, forwarded: str, address: str) -> None:
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert Proxies.parse(["10.0.0.0/24"]).address(scope) == address


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    assert neighbourhood("2001:db8:1:2:3::4") == neighbourhood("2001:db8:1:2::9") != neighbourhood("2001:db8:1:3::4")
    assert neighbourhood("203.0.113.9") == "203.0.113.9"


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/33", "10.0.0.1/24"])
def test_what_is_no_network_is_refused_in_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="proxies"):
        Proxies.parse([text])


def test_no_forwarded_host_of_a_stranger_reaches_the_page(client: TestClient) -> None:
    html = client.get("/", headers={"X-Forwarded-Host": "evil.example", "X-Gradio-Server": "https://evil.example"}).text
    assert "evil.example" not in html
    assert json.dumps("http://testserver") in html


def test_forwarded_host_of_a_stranger_makes_no_site_its_own(client: TestClient) -> None:
    headers = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    assert client.post("/api/ask", json=ASKED, headers=headers).status_code == 403
