"""The report: tables, JSON, a plot where matplotlib is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bot.bench.figures import median, ratio, single
from bot.bench.report import Report

REPORT = Report(
    {"machine": "a small one"},
    {
        "Engine": [
            median("first token", [812.0, 790.0], "ms", "≤ 900"),
            ratio("rate ÷ bare", [1, 1], [2, 2], "≥ 0.97"),
            single("turns", 200),
        ]
    },
    {"ours": (0.1, 1.5), "plain": (1.2, 5.0)},
    {1: 1.5, 2: 3.0},
    [{"tuning": {"threads": 2, "slice": 64, "flash": False, "repack": True}, "seconds": 1.234}],
)


def test_table_tells_what_met_its_target_and_what_did_not() -> None:
    lines = REPORT.markdown().splitlines()
    assert "- machine: a small one" in lines
    assert "| first token | 801 ms | 790–812 | 2 | ≤ 900 | yes |" in lines
    assert "| rate ÷ bare | 0.50 | 0.50–0.50 | 2 | ≥ 0.97 | **no** |" in lines
    assert "| turns | 200 |  | 1 |  |  |" in lines
    assert "| repack on, flash off, 2 threads, slices of 64 | 1.23 |" in lines


def test_folder_holds_table_json_and_plot(tmp_path: Path) -> None:
    assert REPORT.write(tmp_path)
    known = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert known["sections"]["Engine"][1]["met"] is False
    assert known["queue"] == {"1": 1.5, "2": 3.0}
    assert (tmp_path / "bench.md").read_text(encoding="utf-8") == REPORT.markdown()
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_only_the_plot_is_missing(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from pathlib import Path; from tests.bench.test_report import REPORT\n"
        "print(REPORT.write(Path(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert {path.name for path in tmp_path.iterdir()} == {"bench.md", "bench.json"}
