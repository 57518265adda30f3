"""Real servers on loopback that stand in for Hugging Face, a package index and an OpenAI-compatible model server.

They speak the protocol over a socket, so that timeouts, broken connections and ranges are the real ones.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class QuietHandler(BaseHTTPRequestHandler):
    """A request handler that writes no log."""

    def answer(self, status: int, kind: str, body: bytes) -> None:
        """The whole response at once."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server that runs as long as the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class HubMirror:
    """A Hugging Face mirror of one file.

    Attributes:
        cuts: the connection of the first, second … request breaks off after so many bytes.
        length: whether the answer tells its length.
        gate: the body waits for it.
        starts: first byte asked for, a request each.
        sent: bytes of the body that left, all requests together.
    """

    content: bytes
    status: int = 200
    ranges: bool = True
    length: bool = True
    cuts: list[int] = field(default_factory=list)
    gate: threading.Event | None = None
    starts: list[int] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    sent: int = 0

    def handler(mirror) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        """The request handler of this mirror."""

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
                mirror.starts.append(start)
                mirror.paths.append(self.path)
                if mirror.status != 200:
                    self.send_error(mirror.status)
                    return
                start = start if mirror.ranges else 0
                body = mirror.content[start:]
                self.send_response(206 if start else 200)
                if mirror.length:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if mirror.gate is not None:
                    mirror.gate.wait(20)
                body = body[: mirror.cuts.pop(0)] if mirror.cuts else body
                self.wfile.write(body)
                mirror.sent += len(body)
                self.close_connection = True

        return Handler


def wheel(name: str, version: str, members: dict[str, bytes]) -> bytes:
    """A wheel with data files and nothing to import."""
    stem = f"{name.replace('-', '_')}-{version}"
    files = {
        **members,
        f"{stem}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{stem}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in files).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


@dataclass
class PackageIndex:
    """A simple index (PEP 503) of wheels by file name. `asked` holds the wheels that were downloaded."""

    wheels: dict[str, bytes]
    asked: list[str] = field(default_factory=list)

    def handler(index) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        """The request handler of this index."""

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/").split("/")[-1]
                if self.path.startswith("/simple/"):
                    stem = name.replace("-", "_") + "-"
                    links = "".join(f'<a href="/files/{file}">{file}</a>' for file in index.wheels if file.startswith(stem))
                    self.answer(200 if links else 404, "text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode())
                elif name in index.wheels:
                    index.asked.append(name)
                    self.answer(200, "application/octet-stream", index.wheels[name])
                else:
                    self.answer(404, "text/plain", b"no such file")

        return Handler


@dataclass
class ModelServer:
    """An OpenAI-compatible server that says what it is told to.

    Attributes:
        lines: the lines of the event stream, sent as they are; a number is a pause in seconds.
        status: of the completion; other than 200 it comes with `error` as its body.
        before: seconds before the answer's head.
        bodies: what was asked for.
        gone: how many completions broke off because the client went away.
    """

    lines: list[str | float] = field(default_factory=list)
    status: int = 200
    error: str = "broken"
    before: float = 0.0
    models: Any = field(default_factory=lambda: {"data": [{"id": "fake-model"}]})
    bodies: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    gone: int = 0

    @staticmethod
    def event(text: str | None = None, *, finish: str | None = None, usage: Any = None) -> str:
        """One line of the event stream."""
        delta = {"content": text} if text is not None else {}
        event: dict[str, Any] = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        return "data: " + json.dumps(event | ({"usage": usage} if usage is not None else {}))

    def handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the request's
        """The request handler of this server."""

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                self.answer(200, "application/json", json.dumps(server.models).encode())

            def do_POST(self) -> None:
                server.authorizations.append(self.headers.get("Authorization", ""))
                server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                time.sleep(server.before)
                if server.status != 200:
                    self.answer(server.status, "text/plain", server.error.encode())
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    for line in server.lines:
                        if isinstance(line, str):
                            self.wfile.write(f"{line}\n\n".encode())
                            self.wfile.flush()
                        else:
                            time.sleep(line)
                except OSError:
                    server.gone += 1
                self.close_connection = True

        return Handler
