"""A model behind an OpenAI-compatible server: llama.cpp's server, vLLM, Ollama and others. Knows nothing of what is asked."""

from __future__ import annotations

import json
import queue
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import httpx

from bot.errors import ModelAwayError, ModelBusyError, ModelError, UsageError
from bot.llm.protocol import Piece, Prompt

READ_SECONDS = 20.0
"""A server that says nothing for so long is taken for hung."""
READY_SECONDS = 2.0
"""So long `ready` waits for the list of models."""
_MAX_LINE = 1_000_000
_NAME = re.compile(r"[\w.-]{1,60}")


class RemoteModel:
    """A `Generator` over HTTP. The answer's beginning cannot be given; a repeated opening is dropped by the check."""

    def __init__(self, address: str, *, key: str = "", model: str = "", read_seconds: float = READ_SECONDS) -> None:
        """Args:
        address: with or without `/v1` at its end.
        key: bearer token, if the server asks for one.
        model: its name there; empty: the first that the server lists.
        read_seconds: see READ_SECONDS.

        Raises:
            UsageError: the address is none.
        """
        base = address.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._client = httpx.Client(
                base_url=base if base.endswith("/v1") else f"{base}/v1",
                headers=headers,
                timeout=httpx.Timeout(read_seconds, connect=5),
            )
        except httpx.InvalidURL as error:
            raise UsageError(f"{address!r} is no address of a server: {error}. Give one like http://127.0.0.1:8000.") from error
        self._model = model

    @property
    def name(self) -> str:
        """See `Generator.name`."""
        return self._model or "remote"

    @property
    def ready(self) -> bool:
        """True when the server lists its models now."""
        try:
            return self._client.get("models", timeout=READY_SECONDS).is_success
        except httpx.HTTPError:
            return False

    def stream(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        """See `Generator.stream`. The request runs in a thread, so that `stopped` is asked also while the server is silent."""
        arrived: queue.Queue[Piece | Exception | None] = queue.Queue()
        gone = threading.Event()

        def request() -> None:
            try:
                for piece in self._request(prompt, max_tokens, gone.is_set):
                    arrived.put(piece)
                arrived.put(None)
            except Exception as error:  # handed to the one who waits, who raises it
                arrived.put(error)

        threading.Thread(target=request, name="model-request", daemon=True).start()
        try:
            while not stopped():
                try:
                    found = arrived.get(timeout=0.1)
                except queue.Empty:
                    continue
                if isinstance(found, Exception):
                    raise found
                if found is None:
                    return
                yield found
        finally:
            gone.set()

    def _request(self, prompt: Prompt, max_tokens: int, stopped: Callable[[], bool]) -> Iterator[Piece]:
        body = {
            "model": self._name(),
            "messages": [asdict(message) for message in prompt.messages],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        try:
            with self._client.stream("POST", "chat/completions", json=body) as response:
                if response.status_code in {429, 503}:
                    raise ModelBusyError("The model server is busy. Try again in a moment.")
                if response.status_code != 200:
                    response.read()
                    raise ModelError(f"The model server answered {response.status_code}{_named(response)}. Check --model and its settings.")
                yield from _events(response, stopped)
        except httpx.HTTPError as error:
            raise ModelAwayError(
                f"The model server does not answer ({type(error).__name__}). Check that it runs and that --model is its address."
            ) from error

    def close(self) -> None:
        """See `Generator.close`."""
        self._client.close()

    def _name(self) -> str:
        if not self._model:
            try:
                listed = self._client.get("models").raise_for_status().json()
                self._model = str(listed["data"][0]["id"])
            except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
                raise ModelAwayError(
                    f"The model server does not list its models ({type(error).__name__}). Check --model and remote_model."
                ) from error
        return self._model


def _named(response: httpx.Response) -> str:
    """The error's short name, where the server gives one; its message is left out, as it may quote the prompt."""
    try:
        error = response.json()["error"]
        name = str(error.get("code") or error.get("type") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""
    return f" ({name})" if _NAME.fullmatch(name) else ""


def _events(response: httpx.Response, stopped: Callable[[], bool]) -> Iterator[Piece]:
    """The pieces of a stream of server-sent events.

    Raises:
        ModelAwayError: the stream ended before its last event, or is no such stream.
    """
    complete = False
    usage: dict[str, Any] = {}
    counts = 0, 0
    for line in response.iter_lines():
        if stopped():
            return
        if not line.startswith("data:") or len(line) > _MAX_LINE:
            continue
        payload = line[5:].strip()
        if payload == "[DONE]":
            complete = True
            break
        try:
            event = json.loads(payload)
            usage = event.get("usage") or usage
            text = "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))
            complete = complete or any(choice.get("finish_reason") for choice in event.get("choices", []))
            counts = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise ModelAwayError(
                "The model server sent something that is no chat completion. Check that --model is its address."
            ) from error
        if text:
            yield Piece(text)
    if not complete:
        raise ModelAwayError("The model server broke off in the middle of its answer. Try again in a moment.")
    yield Piece("", *counts)
