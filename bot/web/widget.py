"""The widget's script: static/widget.js with the interface's texts in it, for pages of other origins to load.

It knows the texts, not what the script does with them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bot.interface import Interface
from bot.web.document import STATIC

KEPT_SECONDS = 3600
"""How long browsers may keep the script: its address never changes, and editors paste it once."""
_TEXTS = {
    "title": "title",
    "close": "close",
    "open": "widget_open",
    "loading": "widget_loading",
    "failed": "widget_failed",
    "retry": "widget_retry",
    "about": "widget_about",
}
"""Names in the script, and the interface's texts that they stand for."""
_PLACE = "const TEXTS = {};"
_INDENT_OR_COMMENT = re.compile(r"^(?:[ \t]*//.*\n|[ \t]+)", re.MULTILINE)


def widget_script(interfaces: Mapping[str, Interface]) -> bytes:
    """The script with its texts; comments that have a line of their own and indentation are left out."""
    texts = {code: {name: interface[key] for name, key in _TEXTS.items()} for code, interface in interfaces.items()}
    code = _INDENT_OR_COMMENT.sub("", (STATIC / "widget.js").read_text(encoding="utf-8"))
    return code.replace(_PLACE, f"const TEXTS = {json.dumps(texts, ensure_ascii=False, separators=(',', ':'))};", 1).encode()


def widget_router(interfaces: Mapping[str, Interface]) -> APIRouter:
    """`GET /widget.js`: the only answer that pages of other origins may load as a part of theirs."""
    router = APIRouter()
    script = widget_script(interfaces)
    headers = {
        "Cache-Control": f"public, max-age={KEPT_SECONDS}",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": f'"{hashlib.sha256(script).hexdigest()[:16]}"',
    }

    @router.get("/widget.js")
    async def widget(request: Request) -> Response:
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(script, media_type="text/javascript", headers=headers)

    return router
