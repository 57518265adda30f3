"""The settings of llama.cpp that are fastest on a machine: written by `run.py bench`, used by the model's process.

One file for all models and machines that share a home folder, keyed by processor, model and version of the library, as the best
settings of one are not those of another. It knows no model and measures nothing.
"""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SLICES = (64, 128, 256)
"""Lengths of a slice that may be chosen."""
DEFAULT_SLICE = 256


@dataclass(frozen=True)
class Tuning:
    """How llama.cpp computes. Chooses no word (but see `bot.llm.engine` on rounding)."""

    threads: int
    slice: int = DEFAULT_SLICE
    """Most tokens computed at once."""
    flash: bool = False
    """Flash attention."""
    repack: bool = False
    """Weights rearranged at loading: faster for single tokens, slower for many on the processors measured (docs/SPEED.md)."""

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Tuning:
        """Raises: ValueError, KeyError, TypeError: it is none."""
        tuning = cls(int(raw["threads"]), int(raw["slice"]), bool(raw["flash"]), bool(raw["repack"]))
        if not 1 <= tuning.threads <= 256 or tuning.slice not in SLICES:
            raise ValueError(f"threads {tuning.threads}, slice {tuning.slice}")
        return tuning


def machine_key(model: Path, processors: int) -> str:
    """What the best settings depend on: processor and how many of it, model file, version of llama-cpp-python."""
    try:
        library = version("llama-cpp-python")
    except PackageNotFoundError:
        library = "none"
    return f"{processor()} x{processors}, {model.name} {model.stat().st_size}, llama-cpp-python {library}"


def load_tuning(path: Path, key: str) -> Tuning | None:
    """What was measured for this machine and model; None when nothing was, or the file cannot be read (which a log line tells)."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        return Tuning.from_json(known[key]) if key in known.keys() else None  # noqa: SIM118 - a list or text is refused too
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("measured settings ignored, defaults used; run.py bench writes them anew", extra={"reason": f"{path}: {error!r}"})
        return None


def save_tuning(path: Path, key: str, tuning: Tuning) -> None:
    """Adds or replaces the settings for a machine and model; a file that cannot be read is written anew."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps({**(known if isinstance(known, dict) else {}), key: asdict(tuning)}, indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
