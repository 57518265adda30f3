"""What every request passes before it reaches the page or the interface: a list of allowed addresses, a limit of the body, and
on the way back the security headers.

Plain ASGI, so that streams stay streams. It knows nothing of questions or of Gradio's insides but the addresses its page calls.
"""

from __future__ import annotations

import logging
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
"""Bytes of a request's body."""
ALLOWED = (
    ("GET", re.compile(r"/(healthz|readyz|metrics|embed|widget\.js)?")),
    ("POST", re.compile(r"/api/ask")),
    ("GET", re.compile(r"/coach/[\w.-]+")),
    ("GET", re.compile(r"/(assets|static)/[\w./-]+")),
    ("GET", re.compile(r"/(theme\.css|favicon\.ico|robots\.txt|config)")),
    ("GET", re.compile(r"/gradio_api/(queue/data|heartbeat/[\w-]+|startup-events|app_id)")),
    ("POST", re.compile(r"/gradio_api/(queue/join|run/predict|cancel|reset)")),
)
"""Method and path of everything that is served; Gradio's uploads, file, proxy and interface pages are not."""
PAGE_CALLS = {"/gradio_api/queue/join", "/gradio_api/run/predict", "/gradio_api/cancel", "/gradio_api/reset"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer; the page itself has a wider content policy (`bot.web.document`)."""


class SecurityHeaders:
    """Adds `HEADERS` where a response has none of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class AllowedAddresses:
    """Answers 404 to everything that `ALLOWED` does not name. HEAD goes with GET, OPTIONS is left to CORS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] == "http" and not allowed(scope["method"], scope["path"]):
            await JSONResponse({"error": "There is nothing at this address."}, 404)(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)


def allowed(method: str, path: str) -> bool:
    """True when the method and the path are served."""
    method = {"HEAD": "GET"}.get(method, method)
    return ".." not in path and any((method in {known, "OPTIONS"}) and pattern.fullmatch(path) is not None for known, pattern in ALLOWED)


class PageCalls:
    """Answers 400 where Gradio would answer 500 to a call that its own page never makes: an unknown event, missing values."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or scope["path"] not in PAGE_CALLS:
            await self._app(scope, receive, send)
            return
        refused = False

        async def told(message: Message) -> None:
            nonlocal refused
            refused = refused or (message["type"] == "http.response.start" and message["status"] >= 500 and message["status"] != 503)
            if not refused:
                await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception as error:
            log.warning("call refused", extra={"path": scope["path"], "error": type(error).__name__})
            refused = True
        if refused:
            await JSONResponse({"error": "The page does not make such calls."}, 400)(scope, receive, send)


class _TooLongError(Exception):
    """The body grew past the limit while it was read."""


class BodyLimit:
    """Answers 413 to a body of more than `BODY_LIMIT` bytes, whether its length is told or not."""

    def __init__(self, app: ASGIApp, limit: int = BODY_LIMIT) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "0")
        if not told.isdecimal() or int(told) > self._limit:
            await self._refuse(scope, receive, send)
            return
        received = 0
        started = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise _TooLongError
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLongError:
            if not started:
                await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = f"The body is longer than {self._limit} bytes. Ask in fewer words or send less of the history."
        await JSONResponse({"error": error}, 413)(scope, receive, send)
