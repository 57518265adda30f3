"""Who gets in: where a request comes from, who asks, and how much they asked lately. Stands before the page and the interface.

Plain ASGI, so that streams stay streams. Of a refused request it keeps nothing and logs no name, address or token.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.config import Settings
from bot.interface import Interface
from bot.web.identity import Identities, IdentityError
from bot.web.limits import Limits
from bot.web.origins import Origins
from bot.web.proxies import STEERING, TELLING, Proxies, neighbourhood, peer

log = logging.getLogger(__name__)

ASK = "/api/ask"
QUESTIONS = {ASK, "/gradio_api/queue/join"}
"""What is counted as a question."""
STREAM = "/gradio_api/queue/data"
PAGE_ONLY = "/gradio_api/"
"""What no other site calls, listed or not."""
CALLS_A_QUESTION = 10
"""Other calls (opening a source, stopping, changing the language) that may come with each question that may be asked."""


@dataclass(frozen=True)
class Rules:
    """What the settings say about who gets in."""

    origins: Origins
    proxies: Proxies
    identities: Identities
    for_user: int
    """Questions a minute of one known user."""
    for_address: int
    """Questions a minute from one address for people who are not known."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Rules:
        """Reads the settings.

        Raises:
            SettingsError: those for origins, proxies or identity cannot be.
        """
        return cls(
            Origins.parse(settings.origins),
            Proxies.parse(settings.proxies),
            Identities.from_settings(settings),
            settings.limit_user,
            settings.limit_address,
        )


class Gate:
    """Answers 403 to other sites, 401 to those who are not known but have to be, 429 to those who ask too much."""

    def __init__(self, app: ASGIApp, rules: Rules, texts: Callable[[str], Interface]) -> None:
        """Args:
        texts: gives the interface for an Accept-Language header.
        """
        self._app = app
        self._texts = texts
        self._rules = rules
        self._limits = Limits()
        self._told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from_proxy = self._rules.proxies.listed(peer(scope))
        scope = self._with_client(scope, from_proxy=from_proxy)
        headers = Headers(scope=scope)
        refused = self._misplaced(scope, headers) or self._unknown_or_too_many(scope, headers, from_proxy=from_proxy)
        await (refused or self._app)(scope, receive, send)

    def _with_client(self, scope: Scope, *, from_proxy: bool) -> Scope:
        """The request with the address of the one who asks; what only a proxy may say is taken out where no listed proxy said it."""
        if from_proxy:
            return {**scope, "client": (self._rules.proxies.address(scope), 0)}
        names = {name for name, _ in scope["headers"]}
        if names & TELLING and not self._told:
            self._told = True
            log.warning("A proxy that is not listed forwards requests: list its address in BOT_PROXIES, or all its users share one limit.")
        return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in STEERING]}

    def _misplaced(self, scope: Scope, headers: Headers) -> Response | None:
        """An answer for a place where the page may not be shown, or for a site that may not call."""
        path, method = scope["path"], scope["method"]
        if path == "/embed":
            return None if self._rules.origins.may_frame(headers) else Response(status_code=403)
        if path == "/":
            return None if Origins().may_frame(headers) else Response(status_code=403)
        if (method == "POST" or path.startswith(PAGE_ONLY)) and not self._rules.origins.may_call(headers, listed=path == ASK):
            return JSONResponse({"error": "This site may not call the chat: its origin is not listed in BOT_ORIGINS."}, 403)
        return None

    def _unknown_or_too_many(self, scope: Scope, headers: Headers, *, from_proxy: bool) -> Response | None:
        """An answer for somebody who has to be known and is not, or who asked too much lately."""
        path, method = scope["path"], scope["method"]
        if method != "POST" and path != STREAM:
            return None
        texts = self._texts(headers.get("accept-language", ""))
        address = f"address {neighbourhood(peer(scope))}"
        refused: Response | None = None
        try:
            user = self._rules.identities.user(headers, from_proxy=from_proxy)
        except IdentityError as error:
            log.info("not let in: %s", error)
            user = ""
            refused = JSONResponse({"error": texts[error.key], "key": error.key}, 401)
        key, a_minute = (user, self._rules.for_user) if user else (address, self._rules.for_address)
        asked = path in QUESTIONS
        seconds = math.ceil(self._limits.take(f"{asked} {key}", a_minute if asked else a_minute * CALLS_A_QUESTION))
        if seconds:
            said = {"error": texts.format("error_limit", seconds=seconds), "key": "error_limit"}
            return JSONResponse(said, 429, {"Retry-After": str(seconds)})
        return refused
