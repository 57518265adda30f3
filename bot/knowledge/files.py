"""Reading YAML files into validated dataclasses, with errors that name file and field. It knows no particular file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.errors import KnowledgeError

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FileModel(BaseModel):
    """Base of the schemas of data files: unknown keys are refused, values are not changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


Schema = TypeVar("Schema", bound=FileModel)


def read_text(path: Path) -> str:
    """The file's text.

    Raises:
        KnowledgeError: the file is missing or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path} cannot be read: {error}. Restore it from the repository or save it as UTF-8.") from error


def language_folders(folder: Path) -> list[Path]:
    """The folders of `data/languages`, one a language, in the order of their codes.

    Raises:
        KnowledgeError: there is none.
    """
    found = sorted(path.parent for path in folder.glob("*/language.yaml"))
    if not found:
        raise KnowledgeError(f"{folder} holds no language (<code>/language.yaml). Restore it from the repository.")
    return found


def parse_yaml(text: str, path: Path) -> Any:
    """The YAML document in `text`; `path` is only named in errors."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - CSafeLoader is the safe loader in C
    except yaml.YAMLError as error:
        raise KnowledgeError(f"{path} is not valid YAML: {' '.join(str(error).split())}. Correct that line.") from error


def parse(schema: type[Schema], raw: Any, path: Path) -> Schema:
    """Validates `raw` against a schema.

    Raises:
        KnowledgeError: names the first wrong field, what was found and what was expected.
    """
    try:
        return schema.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        more = f" ({error.error_count() - 1} more like it)" if error.error_count() > 1 else ""
        raise KnowledgeError(f"{path}: {where}: {first['msg']}; found {str(first['input'])[:80]!r}{more}.") from error
