"""Where the tests marked `model` find a real model."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from bot.assemble import Parts
from bot.config import load_settings


@cache
def model_file() -> Path:
    """The default model's file: TRUST_COACH_TEST_MODEL, or the one in the cache folder, fetched there if need be (1.1 GB, once).

    Raises:
        DownloadError: it cannot be had; a test that needs it fails then rather than pass unseen.
    """
    given = os.environ.get("TRUST_COACH_TEST_MODEL")
    if given:
        return Path(given)
    parts = Parts(load_settings())
    return parts.model_path(parts.catalogue.default)
