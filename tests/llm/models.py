"""Where the tests marked `model` find a real model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.config import ROOT
from bot.llm.catalogue import Catalogue


def model_file() -> Path:
    """The default model's file: TRUST_COACH_TEST_MODEL, or the one in the usual cache; without it the test is skipped."""
    entry = Catalogue.load(ROOT / "data" / "models.yaml")
    usual = Path("~/.cache/trust-coach/models").expanduser() / entry.entry(entry.default).file
    path = Path(os.environ.get("TRUST_COACH_TEST_MODEL", usual))
    if not path.is_file():
        pytest.skip(f"needs the model: python run.py models pull (or TRUST_COACH_TEST_MODEL); looked for {path}")
    return path
