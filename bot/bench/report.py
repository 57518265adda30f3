"""The benchmark's report: a Markdown table, JSON, a plot. Knows figures, not how they were made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.bench.figures import Figure

_MET = {True: "yes", False: "**no**", None: ""}


@dataclass
class Report:
    """Everything that a run of the benchmark found.

    Attributes:
        about: machine, versions, settings, load; name → text.
        sections: heading → figures.
        ways: way of asking → seconds to the first text, and to the end.
        queue: number of users → mean seconds of an answer.
        tried: tunings with their seconds.
    """

    about: dict[str, str]
    sections: dict[str, list[Figure]] = field(default_factory=dict)
    ways: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    queue: Mapping[int, float] = field(default_factory=dict)
    tried: Sequence[Mapping[str, Any]] = ()

    def markdown(self) -> str:
        """As tables that can be pasted into a document."""
        parts = ["\n".join(f"- {name}: {text}" for name, text in self.about.items())]
        for heading, figures in self.sections.items():
            rows = "\n".join(
                f"| {one.name} | {_told(one.value, one.unit)} | {_interval(one)} | {one.n} | {one.target} | {_MET[one.met]} |"
                for one in figures
            )
            parts.append(f"## {heading}\n\n| figure | median | 95 % interval | n | target | met |\n|---|---:|---:|---:|---:|---|\n{rows}")
        if self.tried:
            rows = "\n".join(f"| {_settings(one['tuning'])} | {one['seconds']:.2f} |" for one in self.tried)
            parts.append(f"## Settings tried\n\n| settings | seconds for an answer's work |\n|---|---:|\n{rows}")
        return "\n\n".join(parts) + "\n"

    def to_json(self) -> dict[str, Any]:
        """In plain JSON types."""
        sections = {heading: [one.to_json() for one in figures] for heading, figures in self.sections.items()}
        return {"about": self.about, "sections": sections, "ways": self.ways, "queue": self.queue, "tried": list(self.tried)}

    def write(self, folder: Path) -> bool:
        """Writes bench.md, bench.json and bench.png into a folder; returns False where the plot was left out for want of matplotlib."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.md").write_text(self.markdown(), encoding="utf-8")
        (folder / "bench.json").write_text(json.dumps(self.to_json(), ensure_ascii=False, indent=1), encoding="utf-8")
        return self._plot(folder / "bench.png")

    def _plot(self, path: Path) -> bool:
        try:
            import matplotlib as mpl  # noqa: PLC0415 - only for reports

            mpl.use("Agg")
            from matplotlib import pyplot as plt  # noqa: PLC0415
        except ImportError:
            return False
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
        names = list(self.ways)
        for n, what in enumerate(("first text", "end")):
            left.barh([k + 0.2 - 0.4 * n for k in range(len(names))], [self.ways[name][n] for name in names], 0.4, label=what)
        left.set_yticks(range(len(names)), names)
        left.invert_yaxis()
        left.set_xlabel("seconds (median)")
        left.legend(frameon=False)
        left.set_title("Ways of asking the same model")
        right.plot([str(count) for count in self.queue], list(self.queue.values()), marker="o", label="measured")
        if self.queue:
            alone = self.queue[min(self.queue)]
            right.plot([str(count) for count in self.queue], [alone * count for count in self.queue], "--", label="one after the other")
        right.set_xlabel("users at once")
        right.set_ylabel("seconds to the whole answer (mean)")
        right.set_ylim(bottom=0)
        right.legend(frameon=False)
        right.set_title("Waiting")
        figure.savefig(path, dpi=110)
        plt.close(figure)
        return True


def _told(value: float, unit: str) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}{' ' + unit if unit else ''}"


def _interval(one: Figure) -> str:
    return f"{_told(one.low, '')}–{_told(one.high, '')}" if one.n > 1 else ""


def _settings(tuning: Mapping[str, Any]) -> str:
    switches = [f"{name} {'on' if tuning[name] else 'off'}" for name in ("repack", "flash")]
    return ", ".join([*switches, f"{tuning['threads']} threads", f"slices of {tuning['slice']}"])
