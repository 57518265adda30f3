"""Reports: Markdown, JSON and a plot. Knows figures, not how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.errors import UsageError


def write_report(
    folder: Path, title: str, sections: Mapping[str, Mapping[str, Mapping[str, Any]]], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Writes report.md, report.json and answers.jsonl into a folder.

    Args:
        sections: heading → column (a language, or "all") → figure's name → value.
        rows: one object an answer, for reading over.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(markdown(title, sections), encoding="utf-8")
    (folder / "report.json").write_text(json.dumps({"title": title, "sections": sections}, ensure_ascii=False, indent=1), encoding="utf-8")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "answers.jsonl").write_text(lines, encoding="utf-8")


def read_report(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """The sections of a report that was written earlier.

    Raises:
        UsageError: there is none.
    """
    try:
        sections: dict[str, dict[str, dict[str, Any]]] = json.loads((folder / "report.json").read_text(encoding="utf-8"))["sections"]
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no report ({error}). Make one with: run.py eval --out {folder}") from error
    return sections


def beside(
    earlier: Mapping[str, Mapping[str, Mapping[str, Any]]], now: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """The earlier report's overall column before the new one's columns."""
    before = {heading: {"all, before": dict(columns["all"])} for heading, columns in earlier.items() if "all" in columns}
    return {
        heading: before.get(heading, {}) | {name: dict(figures) for name, figures in columns.items()} for heading, columns in now.items()
    }


def markdown(title: str, sections: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The figures as tables, a column a language."""
    parts = [f"# {title}\n"]
    for heading, columns in sections.items():
        names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
        parts.append(f"\n## {heading}\n\n| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n")
        parts += [f"| {name} | {' | '.join(number(figures.get(name)) for figures in columns.values())} |\n" for name in names]
    return "".join(parts)


def number(value: Any) -> str:
    """A figure as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) <= 1 else f"{value:.0f}"
    return str(value)


def plot(path: Path, title: str, columns: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> bool:
    """A bar a language for each figure between 0 and 1; returns False when matplotlib is not installed."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - only for reports

        mpl.use("Agg")
        from matplotlib import pyplot as plt  # noqa: PLC0415
    except ImportError:
        return False
    figure, axes = plt.subplots(figsize=(10, 4.2), layout="constrained")
    width = 0.8 / len(columns)
    for n, (column, figures) in enumerate(columns.items()):
        places = [k + n * width for k in range(len(names))]
        axes.bar(places, [figures.get(name) or 0.0 for name in names], width, label=column)
    axes.set_xticks([k + 0.4 - width / 2 for k in range(len(names))], names, rotation=15, ha="right")
    axes.set_ylim(0, 1.02)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(ncols=len(columns), loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    axes.set_title(title, pad=28)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return True
