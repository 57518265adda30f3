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
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.interface import Interface
from bot.web.markup import safe
from bot.web.origins import Origins

STATIC = Path(__file__).parent / "static"
PANEL = "/embed"
"""Where the page is as the widget's panel; `?lang=` names its language."""
_META = re.compile(r"<meta\s+(?:property=\"og:|name=\"twitter:)[^>]*>\s*|<link rel=\"manifest\"[^>]*>\s*")
_LANG = re.compile(r"(<html\s+)lang=\"\w+\"")
_FRAMES = re.compile(
    r"(?s)window\.iFrameResizer = \{.*?\};\s*window\.parent\?\.postMessage\(.*?\);"
    r"|<script>(?:(?!</script>).)*iframeResizer\.contentWindow(?:(?!</script>).)*</script>"
)
"""What Gradio would do inside a frame: tell any page around its height, and take orders from it."""
_SCRIPT = re.compile(r"<script(?=[\s>])")


def policy(nonce: str, ancestors: str) -> str:
    """The page's content policy: as narrow as Gradio allows.

    Args:
        ancestors: who may show the page in a frame.
    """
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
            ancestors,
        ]
    )


def rewritten(html: str, texts: Interface, nonce: str, panel: Origins | None = None) -> str:
    """Gradio's document as ours, in the language of the texts.

    Args:
        panel: for the widget's panel the sites that may show it, which its script has to know.
    """
    head = (
        f"<title>{safe(texts['title'])}</title>"
        f'<meta name="description" content="{safe(texts["tagline"])}">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" type="image/svg+xml" href="{_versioned("icon.svg")}">'
        f'<link rel="stylesheet" href="{_versioned("page.css")}">'
        f'<script src="{_versioned("calls.js")}"></script>'
        f'<script src="{_versioned("page.js")}"></script>'
    )
    root = f'lang="{texts.language}"'
    if panel is not None:
        head += f'<link rel="stylesheet" href="{_versioned("embed.css")}"><script src="{_versioned("embed.js")}"></script>'
        root += f' data-origins="{safe(" ".join(panel.listed))}"'
    html = _FRAMES.sub("", _META.sub("", _LANG.sub(rf"\1{root}", html, count=1)))
    html = html.replace('<meta charset="utf-8" />', f'<meta charset="utf-8">{head}', 1)
    html = html.replace("</body>", f'<noscript><p class="noscript">{safe(texts["no_script"])}</p></noscript></body>', 1)
    return _SCRIPT.sub(f'<script nonce="{nonce}"', html)


def _versioned(name: str) -> str:
    """The address of a static file; it changes with the content, so that browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"coach/{name}?{digest}"


class Compressed:
    """Sends the page and its own files compressed to browsers that take it; Gradio does so with its files itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gzip = GZipMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        ours = scope["type"] == "http" and (scope["path"] in {"/", PANEL, "/widget.js"} or scope["path"].startswith("/coach/"))
        await (self._gzip if ours else self._app)(scope, receive, send)


class PageDocument:
    """Rewrites the answer to `GET /`, gives the same page as a panel at `/embed`, and lets browsers keep versioned static files."""

    def __init__(self, app: ASGIApp, texts: Callable[[str], Interface], origins: Origins) -> None:
        """Args:
        texts: gives the interface for an Accept-Language header.
        origins: who may show the panel.
        """
        self._app = app
        self._texts = texts
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http" or scope["path"] not in {"/", PANEL}:
            await self._app(scope, receive, _kept(scope, send))
            return
        panel = self._origins if scope["path"] == PANEL else None
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[0]
        language = asked or Headers(scope=scope).get("accept-language", "")
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        plain = {**scope, "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}
        start: Message = {}
        body = bytearray()

        async def collected(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._finish(start, bytes(body), language, panel, send)

        await self._app(plain, receive, collected)

    async def _finish(self, start: Message, body: bytes, language: str, panel: Origins | None, send: Send) -> None:
        headers = MutableHeaders(scope=start)
        if body and headers.get("content-type", "").startswith("text/html"):
            nonce = secrets.token_urlsafe(18)
            body = rewritten(body.decode(), self._texts(language), nonce, panel).encode()
            headers["Content-Security-Policy"] = policy(nonce, (panel or Origins()).ancestors)
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
