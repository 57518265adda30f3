"""Whose conversation it is: a session belongs to the page that named it first, told by a key that no address and no log holds.

Gradio finds a conversation by its session's name alone, which stands in addresses and so in the logs of every proxy; whoever reads it
there could save the conversation or listen to it. So each page makes a key for itself and sends it as a header with every call.
In memory only, both as digests. It knows Gradio's calls as far as they name a session.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY_HEADER = "x-coach-page"
KEPT = 50_000
"""Sessions whose key is remembered, five times as many as Gradio keeps; the one that was not used for longest goes first."""
_CALLS = "/gradio_api/"
_HEARTBEAT = re.compile(r"/gradio_api/heartbeat/([\w-]+)")


class SessionKeys:
    """Answers 403 to a call that names somebody else's session."""

    def __init__(self, app: ASGIApp, kept: int = KEPT) -> None:
        self._app = app
        self._kept = kept
        self._salt = secrets.token_bytes(16)
        self._keys: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or not scope["path"].startswith(_CALLS):
            await self._app(scope, receive, send)
            return
        body, receive = await _read(scope, receive)
        key = Headers(scope=scope).get(KEY_HEADER, "")
        if all(self.owns(key, session) for session in _named(scope, body)):
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"error": "This conversation belongs to another page."}, 403)(scope, receive, send)

    def owns(self, key: str, session: str) -> bool:
        """True for the key that came with the session first; from then on it is the only one."""
        name, digest = self._digest(session), self._digest(key)
        with self._lock:
            first = self._keys.setdefault(name, digest)
            self._keys.move_to_end(name)
            if len(self._keys) > self._kept:
                self._keys.popitem(last=False)
        return secrets.compare_digest(first, digest)

    def _digest(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(errors="replace"), key=self._salt, digest_size=16).digest()


def _named(scope: Scope, body: bytes) -> list[str]:
    """Every session that a call names: in its address, its query or its body."""
    found = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
    found += _HEARTBEAT.findall(scope["path"])
    try:
        told = json.loads(body) if body else None
    except (ValueError, RecursionError):
        told = None
    session = told.get("session_hash") if isinstance(told, dict) else None
    return [*found, session] if isinstance(session, str) else found


async def _read(scope: Scope, receive: Receive) -> tuple[bytes, Receive]:
    """The body, which is short by now (`bot.web.security.BodyLimit`), and a receive that gives it once more."""
    if scope["method"] != "POST":
        return b"", receive
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return b"", _again(message, receive)
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body), _again({"type": "http.request", "body": bytes(body), "more_body": False}, receive)


def _again(first: Message, receive: Receive) -> Receive:
    told = [first]

    async def given() -> Message:
        return told.pop() if told else await receive()

    return given
