"""The pipeline over the shipped knowledge with a real embedder, and the application over it; the model is a fake one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from bot.assemble import Parts
from bot.coach import Coach
from bot.config import Settings
from bot.web.app import create_app
from tests.fakes import SayingModel, repeating


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return Parts(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="session")
def coach(parts: Parts) -> Coach:
    return parts.coach(SayingModel(repeating))


@pytest.fixture(scope="session")
def client(coach: Coach) -> Iterator[TestClient]:
    with TestClient(create_app(coach), raise_server_exceptions=False) as client:
        yield client
