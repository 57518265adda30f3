"""Serves an application on a free port of this machine while a test runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from bot.web.app import bind


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Gives the address; the server ends with the block. Port 0: a free one."""
    listening = bind("127.0.0.1", port)
    config = uvicorn.Config(app, log_level="error", access_log=False, proxy_headers=False, timeout_graceful_shutdown=1, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
