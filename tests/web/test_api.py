"""The HTTP interface: order of events, errors, bad input, limits, headers, and that it stops."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.errors import BotError, UsageError
from bot.llm.protocol import Piece, Prompt
from bot.web.app import bind, create_app
from bot.web.security import BODY_LIMIT
from tests.fakes import SayingModel, repeating
from tests.web.serving import serving

NORWEGIAN = "Hvordan får jeg tilbake tilliten etter et brutt løfte til teamet?"


def breaking(_: Prompt) -> str:
    raise RuntimeError("broken on purpose")


def ask(client: TestClient, **body: Any) -> list[tuple[str, dict[str, Any]]]:
    response = client.post("/api/ask", json=body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    return events(response.text)


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    blocks = [block.split("\n") for block in text.strip().split("\n\n")]
    return [(block[0].removeprefix("event: "), json.loads(block[1].removeprefix("data: "))) for block in blocks]


def test_cards_come_first_then_sentences_then_the_whole_answer(client: TestClient) -> None:
    told = ask(client, question=NORWEGIAN)
    names = [name for name, _ in told]
    assert names[0] == "cards"
    assert names[-1] == "done"
    assert set(names[1:-1]) == {"sentence"}
    assert told[0][1]["cards"][0].keys() >= {"n", "tip", "title", "why", "article"}
    answer = told[-1][1]
    assert answer["language"] == "nb"
    assert answer["route"] == "coach"
    assert answer["answer"].split() == " ".join(event["text"] for _, event in told[1:-1]).split()


def test_quotes_are_the_articles_own_words_at_their_offsets(client: TestClient, parts: Parts) -> None:
    answer = ask(client, question=NORWEGIAN)[-1][1]
    assert answer["citations"]
    for citation in answer["citations"]:
        text = parts.knowledge.articles[citation["article"]].text
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_language_asked_for_is_the_answers_language(client: TestClient) -> None:
    assert ask(client, question=NORWEGIAN, lang="ru")[-1][1]["language"] == "ru"


def test_history_reaches_the_model(parts: Parts) -> None:
    model = SayingModel(repeating)
    with TestClient(create_app(parts.coach(model))) as client:
        ask(client, question=parts.interfaces["nb"].questions[2], history=[{"question": NORWEGIAN, "answer": "Hold det du lover."}])
    assert NORWEGIAN in model.prompts[-1].messages[-1].content


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"question": ""}, "question"),
        ({"question": " \n "}, "question"),
        ({"question": "x" * 50_000}, "50000"),
        ({"question": "🙂🙂🙂"}, "words"),
        ({"question": "\x00"}, "question"),
    ],
    ids=["empty", "spaces", "too long", "only emoji", "only a nul"],
)
def test_question_that_is_none_gets_one_clear_sentence(client: TestClient, body: dict[str, str], said: str) -> None:
    told = ask(client, **body)
    assert [name for name, _ in told] == ["error"]
    assert said in told[0][1]["error"]


def test_error_is_in_the_language_of_the_question(client: TestClient) -> None:
    assert "tegn" in ask(client, question=f"{NORWEGIAN} " * 100)[0][1]["error"]


def test_error_without_words_is_in_the_browsers_language(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "🙂"}, headers={"Accept-Language": "ru-RU,ru;q=0.9"})
    assert "Слов" in events(response.text)[0][1]["error"]


@pytest.mark.parametrize("question", [f"{NORWEGIAN}\x00", f"{NORWEGIAN} Und was sage ich meinem Chef? Wie ehrlich soll ich sein?"])
def test_odd_question_is_answered_all_the_same(client: TestClient, question: str) -> None:
    assert ask(client, question=question)[-1][0] == "done"


def test_lone_surrogates_break_nothing(client: TestClient) -> None:
    body = b'{"question": "' + NORWEGIAN.encode() + b' \\ud800", "id": "a\\udfff"}'
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in {200, 422}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"null",
        b'{"question": 1}',
        b'{"question": "x", "lang": "xx"}',
        b'{"question": "x", "lang": 5}',
        b'{"question": "x", "history": "y"}',
        b'{"question": "x", "history": [{"answer": "y"}]}',
        b'{"question": "x", "histroy": []}',
        b"[" * 20_000,
    ],
)
def test_bad_body_is_422_with_one_sentence(client: TestClient, body: bytes) -> None:
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    assert set(response.json()) == {"error"}


def test_form_of_another_site_is_refused(client: TestClient) -> None:
    body = json.dumps({"question": NORWEGIAN})
    assert client.post("/api/ask", content=body, headers={"Content-Type": "text/plain"}).status_code == 422


@pytest.mark.parametrize("path", ["/api/ask", "/gradio_api/queue/join"])
def test_body_over_the_limit_is_refused(client: TestClient, path: str) -> None:
    body = json.dumps({"question": "x" * BODY_LIMIT})
    assert client.post(path, content=body, headers={"Content-Type": "application/json"}).status_code == 413


def test_body_over_the_limit_of_untold_length_is_refused(client: TestClient) -> None:
    pieces = (b"x" * 1000 for _ in range(100))
    assert client.post("/api/ask", content=pieces, headers={"Content-Type": "application/json"}).status_code == 413


def test_unexpected_failure_is_an_error_event_not_a_500(parts: Parts) -> None:
    with TestClient(create_app(parts.coach(SayingModel(breaking)))) as client:
        name, told = ask(client, question=NORWEGIAN)[-1]
    assert name == "error"
    assert told["error"] == parts.interfaces["nb"]["error_internal"]


def test_answers_are_composed_while_there_is_no_model(parts: Parts) -> None:
    with TestClient(create_app(parts.coach(None))) as client:
        assert ask(client, question=NORWEGIAN)[-1][1]["mode"] == "composed"
        assert client.get("/readyz").json()["model"] == "none"


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/ask", "/coach/page.css", "/nowhere"])
def test_security_headers_are_on_everything(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code < 500
    headers = response.headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_other_origins_get_no_leave(client: TestClient) -> None:
    for path in ("/", "/healthz", "/gradio_api/app_id"):
        headers = client.get(path, headers={"Origin": "https://evil.example"}).headers
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/upload"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
        ("GET", "/gradio_api/info"),
        ("POST", "/gradio_api/call/ask_typed"),
        ("GET", "/monitoring"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("POST", "/gradio_api/vibe-code/"),
        ("GET", "/gradio_api/runs"),
        ("GET", "/static/../../../etc/passwd"),
        ("GET", "/coach/%2e%2e/app.py"),
        ("DELETE", "/api/ask"),
    ],
)
def test_address_that_is_not_listed_is_not_served(client: TestClient, method: str, path: str) -> None:
    assert client.request(method, path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{}",
        b'{"data": 5}',
        b'{"fn_index": 99, "data": [], "session_hash": "x"}',
        b'{"fn_index": "x", "data": [[]], "session_hash": 5}',
        b'{"fn_index": 3, "data": [], "session_hash": "x", "event_data": 7}',
        b'{"fn_index": 7, "data": [1, 2, 3, 4, 5, 6, 7], "session_hash": "x"}',
    ],
)
@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/cancel", "/gradio_api/reset"])
def test_nonsense_to_the_pages_own_addresses_is_no_500(client: TestClient, path: str, body: bytes) -> None:
    assert client.post(path, content=body, headers={"Content-Type": "application/json"}).status_code < 500


class EndingModel(SayingModel):
    """Notes how many pieces it gave, and that it was ended."""

    pieces = 0
    ended = False

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        try:
            for piece in super().stream(prompt, max_tokens, stopped):
                self.pieces += 1
                yield piece
        finally:
            self.ended = True


def test_generation_stops_when_the_client_goes(parts: Parts) -> None:
    model = EndingModel(lambda prompt: repeating(prompt) * 9, pause=0.05)
    with serving(create_app(parts.coach(model))) as address:
        with httpx.stream("POST", f"{address}/api/ask", json={"question": NORWEGIAN}, timeout=10) as response:
            names = (line for line in response.iter_lines() if line == "event: sentence")
            assert [next(names), next(names)]  # the vetted opening, and one from the model, which goes on
        until = time.monotonic() + 3
        while not model.ended and time.monotonic() < until:
            time.sleep(0.02)
    assert model.ended
    assert model.pieces < 100


def test_more_answers_than_can_be_made_at_once_are_told_to_come_back(parts: Parts) -> None:
    slow = SayingModel(repeating, pause=0.1)
    with (
        serving(create_app(parts.coach(slow), at_once=1)) as address,
        httpx.stream("POST", f"{address}/api/ask", json={"question": NORWEGIAN}, timeout=10) as response,
    ):
        lines = response.iter_lines()
        assert next(lines)
        refused = httpx.post(f"{address}/api/ask", json={"question": NORWEGIAN}, headers={"Accept-Language": "de"}, timeout=10)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert "Sekunden" in refused.json()["error"]


def test_taken_port_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(BotError, match="is taken"):
        bind("127.0.0.1", taken.getsockname()[1])


def test_address_of_another_machine_is_told_in_one_line() -> None:
    with pytest.raises((UsageError, BotError), match="Give another one"):
        bind("no.such.host.invalid", 7860)
