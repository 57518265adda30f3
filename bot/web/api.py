"""The HTTP interface: health, readiness, and questions as server-sent events. It knows nothing of the page."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from dataclasses import asdict
from threading import Event as Flag
from threading import Thread
from time import sleep
from typing import Annotated, Any

from anyio import CapacityLimiter, WouldBlock, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from bot.coach import Coach
from bot.errors import QuestionError, UsageError
from bot.events import Ask, Cards, Done, Event, Sentence, Waiting
from bot.types import Question, Turn
from bot.web.status import Look

log = logging.getLogger(__name__)

AT_ONCE = 32
RETRY_SECONDS = 5
LOOK_SECONDS = 0.2
"""How often a stream looks whether its client is still there."""

Text = Annotated[str, StringConstraints(strict=True)]


class EarlierTurn(BaseModel):
    """One turn of the history."""

    model_config = ConfigDict(extra="forbid")
    question: Text
    answer: Text = ""


class Asked(BaseModel):
    """The body of `POST /api/ask`."""

    model_config = ConfigDict(extra="forbid")
    question: Text
    id: Text = ""
    lang: Text | None = None
    history: list[EarlierTurn] = []
    patient: StrictBool = False
    """See `Question.patient`."""


def api_router(coach: Coach, look: Look, ask_coach: Ask, at_once: int = AT_ONCE) -> APIRouter:
    """The routes.

    Args:
        look: what `/readyz` tells; 503 when something is wrong.
        ask_coach: how to ask the coach.
        at_once: answers streamed at the same time; further requests get 503.
    """
    router = APIRouter()
    limiter = CapacityLimiter(at_once)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    def readyz() -> JSONResponse:  # in a thread: a remote model server is asked, too
        status = look()
        return JSONResponse(status.to_json(), 503 if status.wrong else 200)

    @router.post("/api/ask")
    async def ask(request: Request) -> Response:
        try:
            question = _question(await request.body(), request.headers.get("content-type", ""), coach)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 422)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        browser = request.headers.get("accept-language", "")
        place = Flag()
        try:
            limiter.acquire_on_behalf_of_nowait(place)
        except WouldBlock:
            text = coach.interfaces[coach.languages.from_browser(browser)].format("error_busy", seconds=RETRY_SECONDS)
            return JSONResponse({"error": text}, 503, {"Retry-After": str(RETRY_SECONDS)})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        events = _stream(coach, ask_coach, question, request, place)
        return _Placed(events, lambda: limiter.release_on_behalf_of(place), media_type="text/event-stream", headers=headers)

    return router


def _question(body: bytes, content_type: str, coach: Coach) -> Question:
    """The question in a body.

    Raises:
        UsageError: it is no JSON of the right form, and why.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise UsageError(f"The body has to be JSON (Content-Type: application/json); found {content_type[:60] or 'no type'!r}.")
    try:
        asked = Asked.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise UsageError(f'{where}: {first["msg"]}. Send {{"question", "lang"?, "history"?, "patient"?}}.') from error
    if asked.lang is not None and asked.lang not in coach.languages.codes:
        raise UsageError(f'"lang" is {asked.lang[:20]!r}; the coach knows {", ".join(coach.languages.codes)}.')
    history = tuple(Turn(turn.question, turn.answer) for turn in asked.history)
    return Question(asked.question, asked.id, asked.lang, history, patient=asked.patient)


class _Placed(StreamingResponse):
    """A stream that has a place among those made at once, and gives it back whether it was read to its end, in part or not at all."""

    def __init__(self, content: AsyncIterator[bytes], leave: Callable[[], None], **options: Any) -> None:
        super().__init__(content, **options)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See starlette."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


async def _stream(coach: Coach, ask_coach: Ask, question: Question, request: Request, gone: Flag) -> AsyncIterator[bytes]:
    """The answer's events; `gone` is set when they end. When the client goes, the coach is stopped even in the middle of a sentence."""
    browser = request.headers.get("accept-language", "")
    answer: Iterator[Event] = iter(())
    watch = asyncio.create_task(_watch(request, gone))
    try:
        answer = ask_coach(question, gone.is_set)
        while (event := await to_thread.run_sync(next, answer, None, abandon_on_cancel=True)) and not gone.is_set():
            if not isinstance(event, Waiting):  # the page's business; the events of this interface are agreed
                yield _sse(*_named(event))
    except QuestionError as error:
        yield _sse("error", {"error": coach.interfaces[_error_language(coach, question, browser)].format(error.key, **error.values)})
    except Exception:
        log.exception("answer failed")
        yield _sse("error", {"error": coach.interfaces[_error_language(coach, question, browser)]["error_internal"]})
    finally:
        gone.set()
        watch.cancel()
        Thread(target=_end, args=(answer,), name="answer-end", daemon=True).start()


def _end(answer: Iterator[Event]) -> None:
    """Closes an answer that nobody reads on; not in the event loop, as it may wait for the model's last word."""
    while isinstance(answer, Generator):
        try:
            answer.close()
        except ValueError:  # its last step is still under way
            sleep(0.05)
        else:
            return


async def _watch(request: Request, gone: Flag) -> None:
    """Raises the flag when the client is gone; without a look a stream only notices when it next has something to send."""
    while not await request.is_disconnected():
        await asyncio.sleep(LOOK_SECONDS)
    gone.set()


def _named(event: Cards | Sentence | Done) -> tuple[str, dict[str, Any]]:
    if isinstance(event, Cards):
        return "cards", asdict(event)
    if isinstance(event, Sentence):
        return "sentence", asdict(event)
    return "done", event.answer.to_json()


def _sse(name: str, content: dict[str, Any]) -> bytes:
    """One server-sent event; what is no valid text (a lone surrogate in an id) becomes a question mark."""
    return f"event: {name}\ndata: {json.dumps(content, ensure_ascii=False)}\n\n".encode(errors="replace")


def _error_language(coach: Coach, question: Question, browser: str) -> str:
    """The question's language where it has one, else the browser's."""
    text = question.text[:500]
    if question.language is not None:
        return question.language
    preferred = coach.languages.from_browser(browser)
    return coach.languages.detect(text, [preferred]).code if any(letter.isalpha() for letter in text) else preferred
