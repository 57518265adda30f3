"""Generations in a Chroma server, for several machines: a collection a generation, and a small one that says which is current.

    trust-coach-g-<time>   a generation; its manifest is the collection's metadata
    trust-coach-current    no entries; its metadata name the current generation and the one before

The server keeps and hands out; the search stays in each process's memory, so a server that is away costs nothing but new
generations. Chroma's server (1.5) asks nobody who they are: the token is for a proxy in front of it. It has open advisories
(CVE-2026-45829, CVE-2026-45833): never on a public interface. It knows nothing of what a manifest says.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.errors import IndexError_, SettingsError
from bot.knowledge import store
from bot.knowledge.base import Entry
from bot.knowledge.embedding import Vectors

_NAME = "trust-coach-"
_POINTER = _NAME + "current"
_ANSWER_SECONDS = 5.0
"""A server that does not answer a first call within it counts as away."""
_SILENCE_SECONDS = 120.0
"""Longest silence in the middle; after its start the server reads its log first, which took 12 s for 13,000 entries."""
_CONFIGURATION = {"hnsw": {"space": "cosine", "sync_threshold": 1_000_000}}
"""Chroma must not write its search graph: a kill while it does leaves a collection that cannot be read again."""


class ChromaServer:
    """A place in a Chroma server. See `bot.knowledge.place.Place`."""

    shared = True

    def __init__(self, address: str, token: str = "") -> None:
        """Args:
        address: `http://host:port` or `https://host:port`.
        token: bearer token for the proxy in front of the server; empty: none is sent.

        Raises:
            SettingsError: that is no such address.
        """
        url = urlsplit(address)
        try:
            port = url.port
        except ValueError:
            port = 0
        if url.scheme not in {"http", "https"} or not url.hostname or url.path.strip("/") or url.query or port == 0:
            raise SettingsError(f"Setting chroma_url: {address!r} is no address of a server. Give one like http://10.0.0.5:8000.")
        self._tls = url.scheme == "https"
        self._host = url.hostname
        self._port = port or (443 if self._tls else 8000)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._address = f"{url.scheme}://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    @property
    def public(self) -> bool:
        """True when the server's address is one of the internet, where it must not be."""
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)}
        except OSError:
            return False
        return any(ip_address(address.partition("%")[0]).is_global for address in found)

    def current(self) -> str | None:
        """See `Place.current`."""
        with self._client("asked") as client:
            return _pointer(client).get("current")

    def manifest(self, generation: str) -> dict[str, Any]:
        """See `Place.manifest`."""
        with self._client("read") as client:
            return dict(_collection(client, generation).metadata or {})

    def write(self, generation: str, entries: Sequence[Entry], vectors: Vectors) -> str:
        """See `Place.write`."""
        with self._client("written") as client:
            collection = client.create_collection(_NAME + generation, configuration=_CONFIGURATION, embedding_function=None)
            store.fill(collection, entries, vectors)
            return _digest(*store.contents(collection))

    def sign(self, generation: str, manifest: Mapping[str, Any]) -> None:
        """See `Place.sign`."""
        with self._client("written") as client:
            _collection(client, generation).modify(metadata=dict(manifest))

    def read(self, generation: str, digest: str) -> tuple[list[Entry], Vectors]:
        """See `Place.read`."""
        with self._client("read") as client:
            entries, vectors = store.contents(_collection(client, generation))
        if _digest(entries, vectors) != digest:
            raise IndexError_(f"The index {generation} on {self._address} is damaged: it is not what was written. It is built anew.")
        return entries, vectors

    def make_current(self, generation: str) -> None:
        """See `Place.make_current`. A newer one that another machine made current meanwhile is left in its place."""
        with self._client("written") as client:
            previous = _pointer(client).get("current")
            if previous is not None and previous > generation:
                raise IndexError_(f"Another process made the newer index {previous} current while {generation} was built. It is used.")
            pointer = client.get_or_create_collection(_POINTER, configuration=_CONFIGURATION, embedding_function=None)
            pointer.modify(metadata={"current": generation, "previous": previous or ""})
            for name in _generations(client):
                if name < (previous or generation):
                    client.delete_collection(_NAME + name)

    def discard(self, generation: str) -> None:
        """See `Place.discard`."""
        with suppress(IndexError_), self._client("written") as client:
            if generation in _generations(client):
                client.delete_collection(_NAME + generation)

    @contextmanager
    def _client(self, done: str) -> Iterator[Any]:
        """A client for one piece of work; whatever goes wrong with the server becomes one error."""
        try:
            self._knock()
            connection = store.connect(self._host, self._port, tls=self._tls, headers=dict(self._headers), seconds=_SILENCE_SECONDS)
            with closing(connection) as client:
                yield client
        except IndexError_:
            raise
        except Exception as error:
            raise IndexError_(
                f"The index on the Chroma server {self._address} could not be {done}: {str(error)[:200] or type(error).__name__}. "
                "Check that it runs, and chroma_url and chroma_token."
            ) from error

    def _knock(self) -> None:
        """Finds out within seconds whether the server answers this client; Chroma's own client does not tell why it does not."""
        answer = httpx.get(f"{self._address}/api/v2/heartbeat", headers=self._headers, timeout=_ANSWER_SECONDS, verify=self._tls)
        if answer.status_code in {401, 403}:
            raise ConnectionError(f"it refuses the token ({answer.status_code})")
        answer.raise_for_status()


def _collection(client: Any, generation: str) -> Any:
    return client.get_collection(_NAME + generation, embedding_function=None)


def _names(client: Any) -> Iterator[str]:
    start = 0
    while part := client.list_collections(limit=100, offset=start):
        yield from (collection.name for collection in part)
        start += len(part)


def _generations(client: Any) -> list[str]:
    """Names of the generations, the oldest first."""
    return sorted(name.removeprefix(_NAME) for name in _names(client) if name.startswith(_NAME + "g-"))


def _pointer(client: Any) -> dict[str, str]:
    """Which generations are current and before it; empty when there is none yet."""
    if _POINTER not in _names(client):
        return {}
    metadata = client.get_collection(_POINTER, embedding_function=None).metadata or {}
    return {name: str(value) for name, value in metadata.items() if value}


def _digest(entries: Sequence[Entry], vectors: Vectors) -> str:
    found = hashlib.sha256()
    for entry in entries:
        found.update(entry.id.encode())
    found.update(vectors.tobytes())
    return found.hexdigest()
