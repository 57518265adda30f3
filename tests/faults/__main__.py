"""The command: runs the scenarios, prints the table as Markdown and writes it as JSON too.

python -m tests.faults [--seed N] [--long] [--only NAME …] [--seconds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
from dataclasses import asdict
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from tests.faults.scenarios import SCENARIOS
from tests.faults.trial import Row, Trial


def main() -> int:
    """Exit code 1 when anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--long", action="store_true", help="many more tries, the real model, a soak of an hour")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=float, default=0.0, help="length of the soak")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"{date.today()}, seed {options.seed}, {'long' if options.long else 'short'} form, load {os.getloadavg()[0]:.1f}\n", flush=True)
    print("| fault | tries | failures | figure |\n|---|---:|---:|---|", flush=True)
    found: list[Row] = []
    for name in options.only:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            found += _run(name, Trial(options.seed, Path(folder), options.long, options.seconds))
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if options.json:
        options.json.write_text(json.dumps({"seed": options.seed, "long": options.long, "rows": [asdict(row) for row in found]}, indent=1))
    return 1 if any(row.failures for row in found) else 0


def _run(name: str, trial: Trial) -> list[Row]:
    try:
        rows = SCENARIOS[name](trial)
    except Exception:
        rows = [Row(f"{name}: the scenario itself broke", 1, 1, "", (traceback.format_exc(),))]
    for row in rows:
        print(f"| {row.fault} | {row.tries} | {row.failures} | {row.figure} |", flush=True)
        for note in row.notes:
            print(f"{row.fault}: {note}", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
