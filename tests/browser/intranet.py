"""An intranet for the widget's tests: pages on sites of other names than the chat's, all of them this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from selenium.webdriver import Chrome

from tests.browser import chromium

NAMES = "MAP *.test 127.0.0.1"
"""Every name that ends with .test is this machine, so that the sites are strangers to each other."""
NO_FOREIGN_COOKIES = {"profile.block_third_party_cookies": True, "profile.cookie_controls_mode": 1}


class Intranet:
    """Pages by path; the host's name decides whose they are: intranet.test is listed with the chat, evil.test is not."""

    def __init__(self, port: int) -> None:
        self.pages: dict[str, tuple[str, str]] = {}
        self.port = port
        self.origin = f"http://intranet.test:{port}"
        self.stranger = f"http://evil.test:{port}"

    def put(self, path: str, body: str, *, head: str = "", policy: str = "", language: str = "nb") -> None:
        """Lays a page at the path, with a content policy of its own if wanted."""
        start = f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>Nyheter</title>'
        start += f'<meta name="viewport" content="width=device-width">{head}</head>'
        self.pages[path] = (f"{start}<body>{body}</body></html>", policy)


@contextmanager
def intranet(port: int = 0) -> Iterator[Intranet]:
    """Serves an intranet until the block ends, on a free port if none is given."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            html, policy = site.pages.get(urlsplit(self.path).path, ("", ""))
            self.send_response(200 if html else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if policy:
                self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Pages)
    site = Intranet(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


def named(address: str, name: str) -> str:
    """The address of this machine under another name."""
    return f"http://{name}:{urlsplit(address).port}"


def start(language: str, *secure: str, scale: int = 1) -> Chrome:
    """A browser that blocks third-party cookies.

    Args:
        scale: dots of the screen for each pixel of the page, in the panel too.
        secure: origins that it takes for encrypted ones, as a real intranet's are: then it also says where requests come from.
    """
    arguments = [f"--force-device-scale-factor={scale}", f"--host-resolver-rules={NAMES}", "--test-third-party-cookie-phaseout"]
    arguments += [f"--unsafely-treat-insecure-origin-as-secure={','.join(secure)}"] if secure else []
    return chromium.start(language, *arguments, preferences=NO_FOREIGN_COOKIES)
