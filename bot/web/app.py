"""The web application: the page and the HTTP interface in one FastAPI app, and serving it until it is stopped.

The page is up as soon as retrieval is; the model is fetched and loaded behind it, and until then answers are composed.
"""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from bot.assemble import Parts, wait_until_ready
from bot.cache import AnswerCache
from bot.coach import Coach
from bot.errors import BotError, ModelError, UsageError
from bot.interface import Interface
from bot.knowledge.build import built
from bot.llm.protocol import Generator
from bot.retention import keep_expiring
from bot.types import Question
from bot.web.api import AT_ONCE, api_router
from bot.web.chat import Chat
from bot.web.document import STATIC, Compressed, PageDocument
from bot.web.gate import Gate, Rules
from bot.web.identity import TOKEN_HEADER
from bot.web.keys import SessionKeys
from bot.web.metrics import Metrics, metrics_router
from bot.web.page import mount
from bot.web.security import AllowedAddresses, BodyLimit, PageCalls, SecurityHeaders
from bot.web.source import Lookup, OwnText
from bot.web.status import Look, ModelState, Status, free_disk
from bot.web.widget import widget_router

log = logging.getLogger(__name__)

LOAD_SECONDS = 600.0
"""Longest wait for the model to load before answers stay composed."""
CLOSING_SECONDS = 2
"""How long open connections may take when the server is stopped."""


def create_app(coach: Coach, lookup: Lookup = lambda _: None, look: Look | None = None, at_once: int = AT_ONCE) -> FastAPI:
    """The application over a coach.

    Args:
        lookup: gives one of the organisation's documents by id, for the source panel.
        look: how the server is, for `/readyz` and `/metrics`.
        at_once: see `api_router`.

    Raises:
        SettingsError: the settings say something impossible about who gets in.
    """
    app = FastAPI(title="Trust Coach", docs_url=None, redoc_url=None, openapi_url=None)
    look = look or looking(coach)
    metrics = Metrics(look)
    ask = metrics.watched(AnswerCache().remembering(coach) if coach.settings.answer_cache else coach.ask)
    app.include_router(api_router(coach, look, ask, at_once))
    app.include_router(metrics_router(metrics, coach.settings.metrics_from))
    app.include_router(widget_router(coach.interfaces))
    app.mount("/coach", StaticFiles(directory=STATIC))

    def texts(accept_language: str) -> Interface:
        return coach.interfaces[coach.languages.from_browser(accept_language)]

    rules = Rules.from_settings(coach.settings)
    app.add_middleware(PageDocument, texts=texts, origins=rules.origins)
    app.add_middleware(Compressed)
    app.add_middleware(PageCalls)
    app.add_middleware(SessionKeys)
    app.add_middleware(Gate, rules=rules, texts=texts)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=rules.origins.listed,
        allow_methods=["POST"],
        allow_headers=["Content-Type", TOKEN_HEADER],
        max_age=3600,
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(AllowedAddresses)
    app.add_middleware(SecurityHeaders)
    mount(app, Chat(coach, lookup, ask))
    return app


def serve_forever(parts: Parts) -> int:
    """Serves the chat on the settings' host and port until it is stopped; returns the exit code.

    Raises:
        BotError: the port is taken or the address is not this machine's; or the knowledge cannot be read.
    """
    listening = bind(parts.settings.host, parts.settings.port)
    coach = parts.coach(None)
    index = parts.index
    if parts.index_outdated:
        index.build_behind()
    model = ModelStart(parts, coach)
    app = create_app(coach, _lookup(parts), looking(coach, lambda: model.state, lambda: bool(index.failure)))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        lifespan="on",
    )
    server = _Server(config)
    ended = threading.Event()
    # uvicorn gives itself the signal again when it has stopped; by default that would end this process before its model's is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        model.begin()
        keep_expiring(parts.settings, ended)
        server.run(sockets=[listening])
    finally:
        ended.set()
        model.close()
    return 0 if server.started else 1


def bind(host: str, port: int) -> socket.socket:
    """A socket on the address, so that a taken port is told before anything is loaded.

    Raises:
        UsageError: no such address on this machine.
        BotError: the port is taken or not allowed.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise UsageError(f"{host!r} is no address of this machine ({error.strerror}). Give another one: --host 127.0.0.1") from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise BotError(f"Port {port} on {host} is taken. Stop what uses it, or give another one: --port {port % 65535 + 1}") from error
        raise BotError(f"Port {port} on {host} cannot be used: {error.strerror}. Give another one: --port 7860") from error
    bound.setblocking(False)
    return bound


class ModelStart:
    """The model on its way: fetched, loaded, then given to the coach. A failure leaves the answers composed and is told once."""

    def __init__(self, parts: Parts, coach: Coach) -> None:
        self._parts = parts
        self._coach = coach
        self._generator: Generator | None = None
        self._failure = ""

    @property
    def state(self) -> ModelState:
        """Why it failed stands in the log: the message may name paths."""
        if self._failure:
            return "failed"
        return _model_state(self._coach.generator) if self._coach.generator is not None else "starting"

    def begin(self) -> None:
        """Warms what the first question needs, then starts the model; in a thread of its own."""
        threading.Thread(target=self._work, name="model-start", daemon=True).start()

    def close(self) -> None:
        """Ends the model's process."""
        if self._generator is not None:
            self._generator.close()

    def _work(self) -> None:
        began = time.monotonic()
        try:
            warm(self._coach)
            self._generator = self._parts.generator()
            wait_until_ready(self._generator, LOAD_SECONDS)
        except (ModelError, UsageError) as error:
            self._failure = str(error)
            log.error("the language model is not used; answers are put together from the cards", extra={"reason": str(error)})
            return
        self._coach.generator = self._generator
        _say(f"The language model {self._generator.name} is ready after {time.monotonic() - began:.0f} s.")


def warm(coach: Coach) -> None:
    """Loads what the first question would wait for: detectors, embeddings, and each language's measure of support."""
    for language, interface in coach.interfaces.items():
        coach.retrieve_only(Question(interface.questions[0], language=language))
        coach.support(language)


class _Server(uvicorn.Server):
    """Tells its address once it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets=sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            _say(f"Trust Coach is open on http://{f'[{host}]' if ':' in host else host}:{port} (Ctrl+C ends it)")


def _model_state(generator: Generator | None) -> ModelState:
    if generator is None:
        return "none"
    if getattr(generator, "failure", None):  # of a local model that cannot be loaded any more
        return "failed"
    return "ready" if generator.ready else "away"


def looking(coach: Coach, model: Callable[[], ModelState] | None = None, index_failed: Callable[[], bool] = lambda: False) -> Look:
    """Gives how the server is.

    Args:
        model: state of the model; by default that of the coach's.
        index_failed: see `Status`.
    """
    settings = coach.settings

    def look() -> Status:
        index, generator = coach.index, coach.generator
        return Status(
            model=model() if model is not None else _model_state(generator),
            index=index.generation,
            index_entries=len(index.entries),
            index_built=built(index.generation),
            index_failed=index_failed(),
            disk_free=free_disk(settings.home),
            disk_floor=settings.disk_floor * 1_000_000,
            queue=getattr(generator, "waiting", 0),  # a remote server keeps its own
        )

    return look


def _lookup(parts: Parts) -> Lookup:
    def look(name: str) -> OwnText | None:
        document = parts.shelf.document(name)
        return OwnText(document.title, document.language, document.text) if document is not None else None

    return look


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
