"""What many tests share: the shipped knowledge, loaded once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest

from bot.assemble import Parts
from bot.coach import Coach
from bot.config import Settings
from bot.language import Languages


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Defaults, with a home of their own."""
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def parts(settings: Settings) -> Parts:
    """The real parts over the shipped data; its index is the one in memory."""
    return Parts(settings)


@pytest.fixture(scope="session")
def languages(parts: Parts) -> Languages:
    """The table of languages with its detectors."""
    return parts.languages


@pytest.fixture(scope="session")
def coach(parts: Parts) -> Iterator[Coach]:
    """The pipeline without a model: every answer is composed."""
    yield parts.coach(None)


@pytest.fixture(scope="session")
def data() -> Path:
    """The shipped data folder."""
    return Path(__file__).resolve().parent.parent / "data"
