"""Which sites may show the panel and call the interface: the chat's own and the listed ones.

A browser tells by itself where a request comes from (Origin, Referer, Sec-Fetch-…); a page cannot forge that. Programs can, so this
protects people's browsers, not the chat from programs; that is what identity and limits are for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from bot.errors import SettingsError

FRAMES = {"iframe", "frame", "object", "embed", "fencedframe"}
"""What `Sec-Fetch-Dest` says when a page shows another one inside itself."""
_PORTS = {"http": 80, "https": 443}


def normal_origin(text: str) -> str | None:
    """An origin as browsers write it (`https://intranet.example:8443`): small letters, no default port, no final slash.

    Returns None for what is no origin: another scheme, a path, a user name, an asterisk, `null`.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
        host = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        return None
    rest = (parts.path.removesuffix("/"), parts.query, parts.fragment)
    if parts.scheme not in _PORTS or any(rest) or "@" in parts.netloc or not host or set(host) & set("*%_ ,;'\"<>\\"):
        return None
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None and port != _PORTS[parts.scheme] else "")


def origin_of(address: str) -> str | None:
    """The origin of a whole address, as in a Referer header."""
    parts = urlsplit(address) if address.isprintable() else urlsplit("")
    return normal_origin(f"{parts.scheme}://{parts.netloc}")


@dataclass(frozen=True)
class Origins:
    """The listed origins, and what may be done from where."""

    listed: tuple[str, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Origins:
        """Reads the setting.

        Raises:
            SettingsError: one of them is no origin.
        """
        found: list[str] = []
        for text in texts:
            origin = normal_origin(text)
            if origin is None:
                raise SettingsError(
                    f"Setting origins: {text!r} is no origin. Write scheme and host, with no path: https://intranet.example"
                )
            found.append(origin)
        return cls(tuple(dict.fromkeys(found)))

    @property
    def ancestors(self) -> str:
        """The policy for the panel's document."""
        return " ".join(["frame-ancestors 'self'", *self.listed])

    def may_frame(self, headers: Headers) -> bool:
        """Whether the panel may be shown where the request comes from; the policy in `ancestors` says the same to the browser.

        A page may keep its own address to itself: then only the policy decides, if there is anybody to decide about.
        """
        if headers.get("sec-fetch-dest") not in FRAMES or headers.get("sec-fetch-site") == "same-origin":
            return True
        referer = headers.get("referer")
        if referer is None:
            return bool(self.listed)
        return origin_of(referer) in self.listed or _is_own(origin_of(referer), headers)

    def may_call(self, headers: Headers, *, listed: bool) -> bool:
        """Whether a page at the place where the request comes from may make it.

        Args:
            listed: True where the listed origins may call too, not only the chat's own page.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is None:
            return site in {None, "same-origin", "none"}
        known = normal_origin(origin)
        return _is_own(known, headers) or (site == "same-origin" and known is not None) or (listed and known in self.listed)


def _is_own(origin: str | None, headers: Headers) -> bool:
    """True for the origin under which the browser asked. The scheme is not compared: a proxy may have taken off the encryption.

    X-Forwarded-Host is only there when a listed proxy sent it, see `bot.web.gate`.
    """
    hosts = [host for host in (headers.get("host"), headers.get("x-forwarded-host")) if host]
    return origin is not None and origin in {normal_origin(f"{scheme}://{host}") for scheme in _PORTS for host in hosts}
