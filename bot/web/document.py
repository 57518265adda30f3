"""The page's HTML document on its way out: Gradio's template with our title, language, styles and script, and a nonce on every script.

With the nonce the content policy allows no inline script but those of the document itself. `'unsafe-eval'` stays: Gradio's HTML
areas and its events are compiled in the browser. It knows Gradio's template as far as `rewritten` names it; a test keeps it so.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.interface import Interface
from bot.web.markup import safe

STATIC = Path(__file__).parent / "static"
_META = re.compile(r"<meta\s+(?:property=\"og:|name=\"twitter:)[^>]*>\s*|<link rel=\"manifest\"[^>]*>\s*")
_LANG = re.compile(r"(<html\s+)lang=\"\w+\"")
_SCRIPT = re.compile(r"<script(?=[\s>])")


def policy(nonce: str) -> str:
    """The page's content policy: as narrow as Gradio allows."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'self'",
            "form-action 'none'",
            "frame-ancestors 'self'",
        ]
    )


def rewritten(html: str, texts: Interface, nonce: str) -> str:
    """Gradio's document as ours, in the language of the texts."""
    head = (
        f"<title>{safe(texts['title'])}</title>"
        f'<meta name="description" content="{safe(texts["tagline"])}">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" type="image/svg+xml" href="{_versioned("icon.svg")}">'
        f'<link rel="stylesheet" href="{_versioned("page.css")}">'
        f'<script src="{_versioned("page.js")}"></script>'
    )
    html = _META.sub("", _LANG.sub(rf'\1lang="{texts.language}"', html))
    html = html.replace('<meta charset="utf-8" />', f'<meta charset="utf-8">{head}', 1)
    html = html.replace("</body>", f'<noscript><p class="noscript">{safe(texts["no_script"])}</p></noscript></body>', 1)
    return _SCRIPT.sub(f'<script nonce="{nonce}"', html)


def _versioned(name: str) -> str:
    """The address of a static file; it changes with the content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"coach/{name}?{digest}"


class PageDocument:
    """Rewrites the answer to `GET /`, and lets browsers keep the static files whose address has a version."""

    def __init__(self, app: ASGIApp, texts: Callable[[str], Interface]) -> None:
        """Args:
        texts: gives the interface for an Accept-Language header.
        """
        self._app = app
        self._texts = texts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, _kept(scope, send))
            return
        language = Headers(scope=scope).get("accept-language", "")
        plain = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]}
        start: Message = {}
        body = bytearray()

        async def collected(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._finish(start, bytes(body), language, send)

        await self._app(plain, receive, collected)

    async def _finish(self, start: Message, body: bytes, language: str, send: Send) -> None:
        headers = MutableHeaders(scope=start)
        if body and headers.get("content-type", "").startswith("text/html"):
            nonce = secrets.token_urlsafe(18)
            body = rewritten(body.decode(), self._texts(language), nonce).encode()
            headers["Content-Security-Policy"] = policy(nonce)
            headers["Content-Length"] = str(len(body))
            headers["Cache-Control"] = "no-store"
            headers["Vary"] = "Accept-Language"
        await send(start)
        await send({"type": "http.response.body", "body": body})


def _kept(scope: Scope, send: Send) -> Send:
    """Marks versioned answers as never changing."""
    versioned = scope["type"] == "http" and (scope["path"].startswith("/assets/") or (scope["path"].startswith("/coach/")))

    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            MutableHeaders(scope=message)["Cache-Control"] = "public, max-age=31536000, immutable"
        await send(message)

    return marked if versioned else send
