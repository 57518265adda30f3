"""A model server over a real socket: one that says what the test tells it to, and llama.cpp's own."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.errors import ModelAwayError, ModelBusyError, ModelError, UsageError
from bot.llm.protocol import Message, Piece, Prompt
from bot.llm.remote import RemoteModel
from tests.llm.models import model_file
from tests.servers import ModelServer, closed_port, listening

PROMPT = Prompt((Message("system", "Answer shortly."), Message("user", "How do I keep promises? «Ja» 🙂")), static=1)
EVENT = ModelServer.event
GOOD: list[str | float] = [
    EVENT("Keep "),
    ": a comment that keeps the connection open",
    EVENT("them. «Ja» å"),
    EVENT(finish="stop"),
    'data: {"choices": [], "usage": {"prompt_tokens": 31, "completion_tokens": 4}}',
    "data: [DONE]",
]


@contextmanager
def remote(server: ModelServer, *, key: str = "", model: str = "", read_seconds: float = 5.0) -> Iterator[RemoteModel]:
    with listening(server.handler()) as address:
        client = RemoteModel(address, key=key, model=model, read_seconds=read_seconds)
        try:
            yield client
        finally:
            client.close()


def pieces(model: RemoteModel) -> list[Piece]:
    return list(model.stream(PROMPT, 50, lambda: False))


def text_of(found: list[Piece]) -> str:
    return "".join(piece.text for piece in found)


def test_words_and_counts_come() -> None:
    server = ModelServer(GOOD)
    with remote(server, key="secret") as model:
        found = pieces(model)
    assert text_of(found) == "Keep them. «Ja» å"
    assert found[-1] == Piece("", 31, 4)
    assert server.authorizations == ["Bearer secret"]
    body = server.bodies[0]
    assert (body["model"], body["temperature"], body["max_tokens"], body["stream"]) == ("fake-model", 0, 50, True)
    assert body["messages"][1] == {"role": "user", "content": "How do I keep promises? «Ja» 🙂"}


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_address_is_taken_with_or_without_its_version(path: str) -> None:
    server = ModelServer(GOOD)
    with listening(server.handler()) as address:
        assert text_of(pieces(RemoteModel(address + path)))


def test_named_model_is_asked_for_without_a_list() -> None:
    server = ModelServer(GOOD, models="none")
    with remote(server, model="mine") as model:
        pieces(model)
        assert model.name == "mine"
    assert server.bodies[0]["model"] == "mine"


def test_refused_connection_is_away() -> None:
    model = RemoteModel(f"http://127.0.0.1:{closed_port()}", model="mine")
    assert not model.ready
    with pytest.raises(ModelAwayError, match="does not answer"):
        pieces(model)


def test_ready_follows_the_server() -> None:
    server = ModelServer(GOOD)
    with listening(server.handler()) as address:
        model = RemoteModel(address, model="mine")
        assert model.ready
    assert not model.ready


@pytest.mark.parametrize("address", ["http://[::1", "http://127.0.0.1:notaport"])
def test_impossible_address_is_wrong_usage(address: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        RemoteModel(address)


def test_server_that_stalls_before_its_answer_is_away() -> None:
    with remote(ModelServer(GOOD, before=3.0), read_seconds=0.4) as model, pytest.raises(ModelAwayError, match="ReadTimeout"):
        pieces(model)


def test_server_that_stalls_in_the_middle_is_away_and_what_it_said_came() -> None:
    found: list[Piece] = []
    with remote(ModelServer([EVENT("Keep "), 3.0, EVENT("them.")]), read_seconds=0.4) as model:
        stream = model.stream(PROMPT, 50, lambda: False)
        found.append(next(stream))
        with pytest.raises(ModelAwayError, match="ReadTimeout"):
            next(stream)
    assert text_of(found) == "Keep "


@pytest.mark.parametrize("lines", [[5.0], [EVENT("Keep "), 5.0]], ids=["before the first word", "after it"])
def test_stop_is_heard_while_the_server_is_silent(lines: list[str | float]) -> None:
    began = time.monotonic()
    with remote(ModelServer(lines), read_seconds=30) as model:
        list(model.stream(PROMPT, 50, lambda: time.monotonic() - began > 0.5))
        assert time.monotonic() - began < 1.5


def test_stop_ends_the_connection() -> None:
    server = ModelServer([line for n in range(100) for line in (EVENT(f"{n} "), 0.02)])
    with remote(server) as model:
        stream = model.stream(PROMPT, 50, lambda: False)
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        until = time.monotonic() + 2
        while not server.gone and time.monotonic() < until:
            time.sleep(0.02)
    assert server.gone == 1


def test_stream_that_is_cut_is_away() -> None:
    with remote(ModelServer([EVENT("Keep ")])) as model, pytest.raises(ModelAwayError, match="broke off"):
        pieces(model)


@pytest.mark.parametrize(
    "line",
    [
        "data: this is no JSON",
        "data: [1, 2]",
        'data: {"choices": [3]}',
        'data: {"choices": [{"delta": {"content": 5}}]}',
        'data: {"choices": null}',
        'data: {"choices": [], "usage": {"prompt_tokens": "many"}}',
        'data: {"choices": [], "usage": [4]}',
    ],
)
def test_nonsense_is_away(line: str) -> None:
    with (
        remote(ModelServer([line, EVENT(finish="stop"), "data: [DONE]"])) as model,
        pytest.raises(ModelAwayError, match="no chat completion"),
    ):
        pieces(model)


def test_web_page_instead_of_a_stream_is_away() -> None:
    with remote(ModelServer(["<html>", "Welcome", "</html>"])) as model, pytest.raises(ModelAwayError):
        pieces(model)


@pytest.mark.parametrize("models", [{"data": []}, {"data": {}}, [], {"error": "no"}])
def test_server_that_lists_no_model_is_away(models: object) -> None:
    with remote(ModelServer(GOOD, models=models)) as model, pytest.raises(ModelAwayError, match="list its models"):
        pieces(model)


@pytest.mark.parametrize("status", [429, 503])
def test_full_server_is_busy(status: int) -> None:
    with remote(ModelServer(GOOD, status=status)) as model, pytest.raises(ModelBusyError):
        pieces(model)


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize(
    ("said", "named"),
    [
        ('{"error": {"code": "context_length_exceeded", "message": "too long: kanarifugl"}}', "(context_length_exceeded)"),
        ('{"error": {"code": "kanarifugl kanarifugl"}}', ""),
        ('{"error": "kanarifugl"}', ""),
        ("kanarifugl " * 100, ""),
    ],
)
def test_other_status_is_named_without_the_words_that_may_quote_the_prompt(status: int, said: str, named: str) -> None:
    with remote(ModelServer(GOOD, status=status, error=said)) as model, pytest.raises(ModelError) as caught:
        pieces(model)
    assert not isinstance(caught.value, ModelAwayError | ModelBusyError)
    assert f"answered {status}" in str(caught.value)
    assert named in str(caught.value)
    assert "kanarifugl" not in str(caught.value)


@pytest.mark.parametrize("lines", [[EVENT("Yes."), "data: [DONE]"], [EVENT("Yes."), EVENT(finish="stop")]], ids=["done", "finished"])
def test_end_without_usage_counts_nothing(lines: list[str | float]) -> None:
    with remote(ModelServer(lines)) as model:
        assert pieces(model) == [Piece("Yes."), Piece("", 0, 0)]


def of_vllm(delta: dict[str, str], **rest: object) -> str:
    """An event as vLLM's server documents and sends it: more fields than are needed, and null where there is nothing."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None, "token_ids": None, **rest}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1763769600, "model": "Qwen/Qwen2.5-7B-Instruct"}
    return "data: " + json.dumps({**head, "choices": [choice], "usage": None})


def test_answer_in_the_form_of_vllm_is_understood() -> None:
    usage = {"prompt_tokens": 31, "total_tokens": 33, "completion_tokens": 2, "prompt_tokens_details": None}
    last = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": usage}
    lines: list[str | float] = [
        of_vllm({"role": "assistant", "content": ""}),
        of_vllm({"content": "Keep "}),
        of_vllm({"content": "them."}),
        of_vllm({"content": ""}, finish_reason="stop", stop_reason=None),
        f"data: {json.dumps(last)}",
        "data: [DONE]",
    ]
    listed = {"object": "list", "data": [{"id": "Qwen/Qwen2.5-7B-Instruct", "object": "model", "owned_by": "vllm", "max_model_len": 32768}]}
    server = ModelServer(lines, models=listed)
    with remote(server) as model:
        found = pieces(model)
    assert text_of(found) == "Keep them."
    assert found[-1] == Piece("", 31, 2)
    assert server.bodies[0]["model"] == "Qwen/Qwen2.5-7B-Instruct"


@pytest.mark.parametrize(
    "said",
    [
        {"object": "error", "message": "kanarifugl is too long", "type": "BadRequestError", "param": None, "code": 400},
        {"error": {"message": "kanarifugl is too long", "type": "BadRequestError", "param": None, "code": 400}},
    ],
    ids=["older", "newer"],
)
def test_error_in_the_form_of_vllm_is_told_without_its_words(said: dict[str, object]) -> None:
    with remote(ModelServer(status=400, error=json.dumps(said))) as model, pytest.raises(ModelError, match="answered 400") as caught:
        pieces(model)
    assert "kanarifugl" not in str(caught.value)


@pytest.mark.model
@pytest.mark.skipif(importlib.util.find_spec("sse_starlette") is None, reason="needs llama-cpp-python[server]")
def test_llama_cpp_s_own_server_answers_stops_and_dies(tmp_path: Path) -> None:
    port = closed_port()
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model_file()), "--port", str(port), "--n_ctx", "1024"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log, env=environment) as server:
        try:
            model = RemoteModel(f"http://127.0.0.1:{port}")
            until = time.monotonic() + 60
            while not model.ready and time.monotonic() < until:
                time.sleep(0.2)
            prompt = Prompt((Message("user", "Count from one to ten in words."),))
            found = list(model.stream(prompt, 60, lambda: False))
            assert "three" in text_of(found).lower()
            began = time.monotonic()
            some = list(model.stream(prompt, 400, lambda: time.monotonic() - began > 1.0))
            assert time.monotonic() - began < 2.0
            assert text_of(found).startswith(text_of(some)[:10])
            stream = model.stream(prompt, 400, lambda: False)
            next(stream)
            server.kill()
            with pytest.raises(ModelAwayError):
                list(stream)
            assert not model.ready
        finally:
            server.kill()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
