"""The list of allowed addresses against the routes that the running application really has, Gradio's among them.

A new version of Gradio that brings a new address makes this fail until somebody has decided whether it is served.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from bot.coach import Coach
from bot.web.app import create_app
from bot.web.security import ALLOWED, allowed

SERVED = {
    "GET /",
    "HEAD /",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /widget.js",
    "POST /api/ask",
    "GET /coach/{path}",
    "GET /assets/{path:path}",
    "GET /static/{path:path}",
    "GET /config",
    "GET /theme.css",
    "GET /favicon.ico",
    "GET /robots.txt",
    "GET /gradio_api/app_id",
    "GET /gradio_api/heartbeat/{session_hash}",
    "GET /gradio_api/queue/data",
    "GET /gradio_api/startup-events",
    "POST /gradio_api/cancel",
    "POST /gradio_api/queue/join",
    "POST /gradio_api/reset",
    "POST /gradio_api/run/{api_name}",
}
REFUSED = {
    "GET /config/",
    "GET /gradio_api/app_id/",
    "GET /gradio_api/call/v2/{api_name}/{event_id}",
    "GET /gradio_api/call/{api_name}/{event_id}",
    "GET /gradio_api/custom_component/{id}/{environment}/{type}/{file_name}",
    "GET /gradio_api/deep_link",
    "GET /gradio_api/dev/reload",
    "GET /gradio_api/file/{path:path}",
    "GET /gradio_api/file={path_or_url:path}",
    "GET /gradio_api/info",
    "GET /gradio_api/info/",
    "GET /gradio_api/login_check",
    "GET /gradio_api/login_check/",
    "GET /gradio_api/openapi.json",
    "GET /gradio_api/proxy={url_path:path}",
    "GET /gradio_api/queue/status",
    "GET /gradio_api/runs",
    "GET /gradio_api/runs/",
    "GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file",
    "GET /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8",
    "GET /gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}",
    "GET /gradio_api/theme.css",
    "GET /gradio_api/token",
    "GET /gradio_api/token/",
    "GET /gradio_api/upload_progress",
    "GET /gradio_api/user",
    "GET /gradio_api/user/",
    "GET /gradio_api/vibe-code",
    "GET /gradio_api/vibe-code/",
    "GET /logout",
    "GET /manifest.json",
    "GET /monitoring",
    "GET /monitoring/summary",
    "GET /monitoring/{key}",
    "GET /pwa_icon",
    "GET /pwa_icon/{size}",
    "GET /svelte/{path:path}",
    "HEAD /gradio_api/file={path_or_url:path}",
    "HEAD /gradio_api/proxy={url_path:path}",
    "POST /gradio_api/api/{api_name}",
    "POST /gradio_api/api/{api_name}/",
    "POST /gradio_api/call/v2/{api_name}",
    "POST /gradio_api/call/v2/{api_name}/",
    "POST /gradio_api/call/{api_name}",
    "POST /gradio_api/call/{api_name}/",
    "POST /gradio_api/component_server",
    "POST /gradio_api/component_server/",
    "POST /gradio_api/process_recording",
    "POST /gradio_api/reset/",
    "POST /gradio_api/run/{api_name}/",
    "POST /gradio_api/stream/{event_id}",
    "POST /gradio_api/stream/{event_id}/close",
    "POST /gradio_api/undo-vibe-edit",
    "POST /gradio_api/undo-vibe-edit/",
    "POST /gradio_api/upload",
    "POST /gradio_api/vibe-code",
    "POST /gradio_api/vibe-code/",
    "POST /gradio_api/vibe-edit",
    "POST /gradio_api/vibe-edit/",
    "POST /gradio_api/vibe-starter-queries",
    "POST /gradio_api/vibe-starter-queries/",
    "POST /login",
    "POST /login/",
}
"""Logging in, uploads, files, proxying, the description of the interface, calls by name, history, monitoring and Gradio's own editor."""
NO_ROUTE = {"/embed"}
"""Answered before routes are looked at."""


@pytest.fixture(scope="module")
def app(coach: Coach) -> FastAPI:
    return create_app(coach)


def routes(found: Any, prefix: str = "") -> Iterator[str]:
    """Method and path of every route, those of included routers and mounted applications too."""
    for route in found:
        path = prefix + getattr(route, "path", "")
        if (included := getattr(route, "original_router", None)) is not None:
            yield from routes(included.routes, prefix + route.include_context.prefix)
        elif inner := getattr(route, "routes", None):
            yield from routes(inner, path)
        elif methods := getattr(route, "methods", None):
            yield from (f"{method} {path}" for method in methods)
        else:
            yield f"GET {path}/{{path}}"  # static files


def sample(path: str) -> str:
    """A path as a browser would ask for it."""
    path = path.replace("{path:path}", "js/main.js").replace("{path}", "page.css").replace("{api_name}", "predict")
    return re.sub(r"[{}]", "", path)


def test_every_route_that_exists_is_decided(app: FastAPI) -> None:
    found = set(routes(app.routes))
    assert found - SERVED - REFUSED == set(), "decide whether these are served"
    assert (SERVED | REFUSED) - found == set(), "these are gone: take them off the lists"


@pytest.mark.parametrize("route", sorted(SERVED))
def test_what_the_page_needs_is_served(route: str) -> None:
    method, path = route.split(" ", 1)
    assert allowed(method, sample(path))


@pytest.mark.parametrize("route", sorted(REFUSED))
def test_everything_else_is_not_there(client: TestClient, route: str) -> None:
    method, path = route.split(" ", 1)
    assert client.request(method, sample(path)).status_code == 404


def test_no_pattern_of_the_list_is_left_over() -> None:
    paths = [(route.split(" ", 1)[0], sample(route.split(" ", 1)[1])) for route in SERVED] + [("GET", path) for path in NO_ROUTE]
    for method, pattern in ALLOWED:
        assert any(method == known and pattern.fullmatch(path) for known, path in paths), pattern.pattern


@pytest.mark.parametrize(
    "path", ["/gradio_api/run/ask_typed", "/gradio_api/run/../upload", "/assets/../config", "/GRADIO_API/upload", "//config"]
)
def test_near_misses_are_not_there(client: TestClient, path: str) -> None:
    assert client.post(path).status_code == 404
    assert not allowed("GET", path)
