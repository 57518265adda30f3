"""Question sets: JSONL files, one question a line. Knows no metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.types import Question, Route, Turn

HALVES = ("dev", "test")


@dataclass(frozen=True)
class Item:
    """A question and what a fair judge expects: `tips` are right, `acceptable` ones do as well, `route` when it is no coaching question."""

    id: str
    lang: str
    kind: str
    question: Question
    tips: frozenset[str]
    acceptable: frozenset[str]
    route: Route


def load_items(name: str, folder: Path, limit: int | None = None) -> list[Item]:
    """A half of the languages' own exams, another set of data/eval, or a file.

    Args:
        name: dev or test; the name of a file in the folder, such as fresh or ten; or a path to a JSONL file.
        folder: data/eval.
        limit: at most so many a language and kind.

    Raises:
        UsageError: no such set, or a line that is no question.
    """
    if name in HALVES:
        rows = [row for path in sorted(folder.glob("??.jsonl")) for row in _rows(path) if row["half"] == name]
    else:
        path = folder / f"{name}.jsonl" if (folder / f"{name}.jsonl").is_file() else Path(name)
        if not path.is_file():
            raise UsageError(f"There is no question set {name!r}. Give dev, test, fresh, ten or the path of a .jsonl file.")
        rows = _rows(path)
    try:
        items = [_item(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"The set {name} has a line without or with a wrong {error}. A line needs id, lang, kind and question.") from error
    return _limited(items, limit)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise UsageError(f"{path} is not JSONL: {error}.") from error


def _item(row: dict[str, Any]) -> Item:
    turns = tuple(Turn(turn["question"], turn.get("answer", "")) for turn in row.get("history", []))
    route = Route(row["route"]) if row["kind"] == "other" else Route.COACH
    question = Question(row["question"], row["id"], None, turns)
    return Item(row["id"], row["lang"], row["kind"], question, frozenset(row.get("tips", [])), frozenset(row.get("acceptable", [])), route)


def _limited(items: Sequence[Item], limit: int | None) -> list[Item]:
    if limit is None:
        return list(items)
    ordered = sorted(items, key=lambda item: (item.lang, item.kind, item.route))
    return [item for _, group in groupby(ordered, key=lambda item: (item.lang, item.kind, item.route)) for item in list(group)[:limit]]
