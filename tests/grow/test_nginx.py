"""Two app processes behind the real nginx with deploy/nginx.conf: stickiness, streaming, a killed process, forged addresses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.coach import Coach
from bot.errors import IndexError_
from bot.knowledge.server import ChromaServer
from bot.web.chat import Chat
from bot.web.page import build_page
from tests.grow.apps import App, apps, events
from tests.grow.chroma import chroma
from tests.grow.nginx import nginx, shipped
from tests.servers import ModelServer, closed_port, listening

pytestmark = pytest.mark.servers
QUESTION = "I promised a customer an answer before the weekend and forgot all about it. What do I say now?"
SAID: list[str | float] = [ModelServer.event("Keep "), 0.6, ModelServer.event("promises.")]
END = [ModelServer.event(finish="stop"), "data: [DONE]"]
LIMIT = 40


@dataclass
class Office:
    """Two processes and the proxy before them."""

    address: str
    apps: list[App]

    @contextmanager
    def browser(self, number: int) -> Iterator[httpx.Client]:
        """A client with an address of its own."""
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}", verify=False)
        with httpx.Client(base_url=self.address, transport=transport, timeout=60) as client:
            yield client


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home, folder, port = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("nginx"), closed_port()
    settings = {"proxies": "127.0.0.1", "limit_address": str(LIMIT), "answer_cache": "false"}
    with (
        listening(ModelServer([*SAID, *END]).handler()) as model,
        apps(home, 2, model=model, **settings) as running,
        nginx(folder, shipped(folder, port, [app.port for app in running]), port),
    ):
        yield Office(f"https://127.0.0.1:{port}", running)


@pytest.fixture(scope="module")
def typed(coach: Coach) -> int:
    """The page's function that takes a typed question."""
    return next(index for index, called in build_page(Chat(coach, lambda _: None)).fns.items() if called.name == "ask_typed")


def ask(client: httpx.Client, question: str = QUESTION) -> dict[str, Any]:
    with client.stream("POST", "/api/ask", json={"question": question}) as response:
        assert response.status_code == 200, response.read()
        return next(dict(data) for name, data, _ in events(response.iter_lines()) if name == "done")


def ask_page(client: httpx.Client, typed: int, session: str) -> str:
    """What the page gets for a question: a call that takes it, and another that streams what comes of it."""
    body = {"fn_index": typed, "data": [QUESTION, len(QUESTION), 0, 0, None, None], "session_hash": session}
    joined = client.post("/gradio_api/queue/join", json=body)
    assert joined.status_code == 200, joined.text
    return client.get("/gradio_api/queue/data", params={"session_hash": session}).text


def forging(client: httpx.Client) -> list[int]:
    """Asks more than an address may, under another forged address each time; a question without words is counted, too."""
    forged = [{"X-Forwarded-For": f"10.9.8.{number}"} for number in range(LIMIT + 5)]
    return [client.post("/api/ask", json={"question": " "}, headers=headers).status_code for headers in forged]


def test_page_s_session_stays_with_its_process_and_both_work(office: Office, typed: int) -> None:
    before = [app.asked() for app in office.apps]
    per_browser = []
    for number in range(1, 7):
        counts = [app.asked() for app in office.apps]
        with office.browser(number) as client:
            for turn in range(2):
                told = ask_page(client, typed, f"session{number}")
                assert "process_completed" in told, (number, turn, told[:300])
        per_browser.append([after - count for after, count in zip((app.asked() for app in office.apps), counts, strict=True)])
    assert all(sorted(counts) == [0, 2] for counts in per_browser), per_browser
    assert all(app.asked() > count for app, count in zip(office.apps, before, strict=True))


def test_answer_streams_through_as_it_is_made(office: Office) -> None:
    with office.browser(20) as client, client.stream("POST", "/api/ask", json={"question": QUESTION}) as response:
        arrived = {name: when for name, _, when in events(response.iter_lines())}
    assert arrived["done"] - arrived["cards"] > 0.4


def test_forged_address_does_not_get_around_the_limit_and_neighbours_keep_theirs(office: Office) -> None:
    with office.browser(30) as client:
        codes = forging(client)
    assert codes[:LIMIT] == [200] * LIMIT
    assert codes[-1] == 429
    with office.browser(31) as client:
        assert client.post("/api/ask", json={"question": " "}).status_code == 200


def test_forged_address_is_not_believed_from_one_who_comes_past_the_proxy(office: Office) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.1.40")
    with httpx.Client(base_url=office.apps[0].address, transport=transport) as client:
        codes = forging(client)
    assert codes[-1] == 429


def test_figures_are_not_told_through_the_proxy(office: Office) -> None:
    with office.browser(50) as client:
        assert client.get("/metrics").status_code == 404


def test_killed_process_is_taken_over_for_new_questions(office: Office, typed: int) -> None:
    homes = {}
    for number in range(60, 66):
        before = office.apps[0].asked()
        with office.browser(number) as client:
            ask(client)
        homes[number] = 0 if office.apps[0].asked() > before else 1
    assert set(homes.values()) == {0, 1}
    office.apps[0].kill()
    orphans = [number for number, home in homes.items() if home == 0]
    for number in orphans:
        began = time.monotonic()
        with office.browser(number) as client:
            assert ask(client)["question"] == QUESTION
            assert "process_completed" in ask_page(client, typed, f"after{number}")
        assert time.monotonic() - began < 20


def test_token_of_the_index_server_is_asked_for_by_the_proxy_before_it(tmp_path: Path) -> None:
    """Chroma's server lets everybody in; the proxy before it does not. The configuration is that of docs/GROW.md."""
    port = closed_port()
    with chroma(tmp_path / "chroma") as server:
        sites = f"""
        server {{
            listen 127.0.0.1:{port};
            client_max_body_size 64m;
            location / {{
                if ($http_authorization != "Bearer right-token") {{ return 401; }}
                proxy_pass {server.address};
            }}
        }}"""
        with nginx(tmp_path, sites, port):
            address = f"http://127.0.0.1:{port}"
            assert ChromaServer(address, "right-token").current() is None
            for wrong in ("", "wrong-token"):
                with pytest.raises(IndexError_, match="refuses the token"):
                    ChromaServer(address, wrong).current()
