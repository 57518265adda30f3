"""Who is at the other end of a connection, when reverse proxies stand between. Only listed proxies are believed.

It knows addresses, not people.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from bot.errors import SettingsError

log = logging.getLogger(__name__)

STEERING = {b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port", b"x-gradio-server"}
"""Headers that change which addresses Gradio's page names."""
TELLING = {b"forwarded", b"x-forwarded-for", b"x-real-ip", *STEERING}
"""Headers that a proxy adds."""


@dataclass(frozen=True)
class Proxies:
    """The listed proxies."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Proxies:
        """Reads the setting.

        Raises:
            SettingsError: one of them is neither an address nor a network.
        """
        networks = []
        for text in texts:
            try:
                networks.append(ip_network(text))
            except ValueError as error:
                raise SettingsError(
                    f"Setting proxies: {text!r} is neither an address nor a network, as 10.0.0.5 or 10.0.0.0/24."
                ) from error
        return cls(tuple(networks))

    def listed(self, address: str) -> bool:
        """True for the address of a listed proxy."""
        return within(address, self.networks)

    def address(self, scope: Scope) -> str:
        """The address of the browser or program that asks: the last one in X-Forwarded-For that is no listed proxy.

        What stands further left may have been written by anybody.
        """
        found = peer(scope)
        if not self.listed(found):
            return found
        told = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        for text in reversed(told):
            parsed = _parsed(text)
            if parsed is None:
                break
            found = str(parsed)
            if not self.listed(found):
                break
        return found


def within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """True for an address in one of the networks; IPv4 inside IPv6 counts as IPv4."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def peer(scope: Scope) -> str:
    """The address at the other end of the connection; empty when there is none."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    parsed = _parsed(address)
    return str(parsed) if parsed is not None else address


def neighbourhood(address: str) -> str:
    """What counts as one address: the address itself, of IPv6 its first half, as a household or an office gets."""
    parsed = _parsed(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address with or without a port and brackets, IPv4 inside IPv6 as IPv4; None when it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
