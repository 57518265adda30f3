"""`python -m bot.bench.capacity`: how many processes, cores and gigabytes serve how many managers, and how far that can be believed.

    python -m bot.bench.capacity                     the table, from the times below
    python -m bot.bench.capacity --bench FILE        the table, from the bench.json of `run.py bench` on your machine
    python -m bot.bench.capacity --check 20          measures this machine, asks it as 20 managers at once, and compares

The waiting is simulated (`bot.bench.queueing`) from measured times of single answers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx
import numpy as np

from bot.assemble import Parts
from bot.bench.asked import ENOUGH, Questions
from bot.bench.processes import Served, Told, serving
from bot.bench.queueing import Crowd, Outcome, Patience, replay, simulate
from bot.config import load_settings
from bot.errors import BotError, UsageError

CROWDS = (10, 100, 1_000, 10_000)
WHOLE = 1.6
"""Median seconds that the model needs for an answer (README: 1.7 s less 0.1 s before the model; 2 cores, load 1–2)."""
SPREAD = (0.6, 0.67, 0.72, 0.76, 0.82, 0.85, 0.88, 0.9, 0.93, 0.97, 1.01, 1.04, 1.11, 1.21, 1.35, 1.43, 1.56, 1.69, 1.83, 2.51)
"""Times of 91 measured answers ÷ their median, at equal steps of their order (docs/GROW.md)."""
RETRIEVAL = 0.05
"""Seconds of the retrieval lane for a question (README: median 44 ms)."""
CORES, GIGABYTES = 2, 1.5
"""Of one process: what the times above were measured on, and its memory with the model's."""
COMPOSED, WAIT = 0.02, 8.0
"""A number of processes is enough when at most this share is composed for want of time and 95 % wait no longer than this."""
ALONE = 6
"""Questions that are asked one by one, before a crowd and after it."""
UNCUT = {"BOT_ANSWER_CACHE": "false", "BOT_FIRST_TOKEN_SECONDS": "900", "BOT_ANSWER_SECONDS": "900"}
"""No answer from memory, and none cut short on a slow machine: what is compared is the line."""
HOURS = 400
"""Busiest hours that are simulated for the smallest crowd; fewer for larger ones, at least 8."""


def table(services: Sequence[float], crowds: Sequence[Crowd], patience: Patience) -> list[str]:
    """The capacity table as lines of Markdown."""
    rows = [
        "| managers | questions in the busiest hour | processes | cores | memory | model busy | waiting, median | 95 % | composed |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for crowd in crowds:
        processes, found = enough(services, crowd, patience)
        cells = [
            f"{crowd.managers:,}",
            f"{crowd.managers * crowd.a_day * crowd.peak:,.0f}",
            f"{processes}",
            f"{processes * CORES}",
            f"{processes * GIGABYTES:.1f} GB",
            f"{found.busy:.0%}",
            f"{found.wait(0.5):.1f} s",
            f"{found.wait(0.95):.1f} s",
            f"{found.composed_share:.1%}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def enough(services: Sequence[float], crowd: Crowd, patience: Patience) -> tuple[int, Outcome]:
    """The smallest number of processes that serves a crowd well, and what becomes of its questions then."""
    hours = max(8.0, HOURS * CROWDS[0] / crowd.managers)
    processes = max(1, int(crowd.an_hour / 3600 * mean(services)))
    while True:
        found = simulate(crowd, processes, services, patience, hours)
        if found.composed_share <= COMPOSED and found.wait(0.95) <= WAIT:
            return processes, found
        processes += 1


def services_of(bench: Path | None) -> list[float]:
    """Seconds of the model for an answer: from a bench.json, else those of this module.

    Raises:
        UsageError: the file is no report of the benchmark.
    """
    if bench is None:
        return [WHOLE * share for share in SPREAD]
    try:
        figures = [one for section in json.loads(bench.read_text(encoding="utf-8"))["sections"].values() for one in section]
        ends = [float(one["value"]) for one in figures if one["name"].endswith(": whole answer")]
        cards = [float(one["value"]) / 1000 for one in figures if one["name"].endswith(": first card")]
        middle = median(ends) - median(cards)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{bench} is no bench.json of `run.py bench` ({type(error).__name__}). Give the path of one.") from error
    return [middle * share for share in SPREAD]


def check(clients: int, each: int, load: float) -> dict[str, Any]:
    """Measures single answers, then lets so many clients ask, and compares their waiting with the simulation's.

    Args:
        each: questions of each client.
        load: share of the time in which the model would compute if nobody was sent away.
    """
    parts = Parts(load_settings())
    patience = Patience(parts.settings.queue, parts.settings.busy_seconds)
    texts = [question.text for question in Questions.load(parts, parts.coach(None)).taken(ENOUGH)]
    with serving(parts.settings.home, parts.settings.model, UNCUT) as served:
        alone = [served.ask(text) for text in texts[:ALONE]]
        dice = np.random.default_rng(3)
        times = np.cumsum(dice.exponential(mean(_model(one) for one in alone) / load, clients * each)).tolist()
        began = os.getloadavg()[0]
        asked = _crowd(served, [texts[ALONE + n % (len(texts) - 2 * ALONE)] for n in range(len(times))], times, clients)
        ended = os.getloadavg()[0]
        alone += [served.ask(text) for text in texts[-ALONE:]]
        memory = served.memory()
    worded = [one for one in asked if "model_busy" not in one.told.answer["notes"]]
    waits, within = _line(worded)
    sent = sorted(one.sent for one in asked)
    before = replay(sent, [_model(one) for one in alone], patience)
    during = replay(sent, within, patience)
    return {
        "clients": clients,
        "questions": len(asked),
        "errors": len(times) - len(asked),
        "load": [round(began, 1), round(ended, 1)],
        "model_seconds": {"alone": mean(_model(one) for one in alone), "in the crowd": mean(within)},
        "waiting": {"measured": mean(waits), "simulated": mean(before.waits), "simulated, times of the crowd": mean(during.waits)},
        "composed": {
            "measured": 1 - len(worded) / len(asked),
            "simulated": before.composed_share,
            "simulated, times of the crowd": during.composed_share,
        },
        "first_card_median": median(one.told.cards for one in asked),
        "memory_gb": asdict(memory),
        "spread": sorted(round(seconds / median(within), 2) for seconds in within),
    }


@dataclass(frozen=True)
class Asked:
    """A question of a crowd: when it was sent, in seconds from the start, and what came."""

    sent: float
    told: Told


def _model(told: Told) -> float:
    """Seconds of the model in an answer that nobody else held up."""
    return told.end - told.cards


def _line(worded: Sequence[Asked]) -> tuple[list[float], list[float]]:
    """Seconds that each answer waited for the model, and that the model took: it words them one after the other, first come first."""
    waits, took = [], []
    free = 0.0
    for one in sorted(worded, key=lambda one: one.sent + one.told.end):
        came, end = one.sent + one.told.cards, one.sent + one.told.end
        waits.append(max(0.0, free - came))
        took.append(end - max(came, free))
        free = end
    return waits, took


def _crowd(served: Served, texts: Sequence[str], times: Sequence[float], clients: int) -> list[Asked]:
    """Asks each text at its second, as so many clients in turns."""
    asked: list[Asked] = []
    start = time.monotonic()

    def client(number: int) -> None:
        for n in range(number, len(times), clients):
            time.sleep(max(0.0, times[n] - (time.monotonic() - start)))
            sent = time.monotonic() - start
            try:
                asked.append(Asked(sent, served.ask(texts[n])))
            except (BotError, httpx.HTTPError) as error:
                print(f"not answered: {error}", file=sys.stderr)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.bench.capacity", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bench", type=Path, metavar="FILE", help="bench.json of `run.py bench` on the machine in question")
    parser.add_argument("--slower", type=float, default=1.0, help="for a model that needs so many times as long")
    parser.add_argument("--a-day", type=float, default=Crowd.a_day, help=f"questions of a manager a day (default: {Crowd.a_day:g})")
    parser.add_argument("--peak", type=float, default=Crowd.peak, help=f"share of them in the busiest hour (default: {Crowd.peak:g})")
    parser.add_argument("--check", type=int, metavar="CLIENTS", help="compare the simulation with a real run of so many clients")
    parser.add_argument("--each", type=int, default=2, help="questions of each client of the check (default: 2)")
    parser.add_argument("--load", type=float, default=0.8, help="how busy the check keeps the model (default: 0.8; above 1: too many)")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            print(json.dumps(check(options.check, options.each, options.load), indent=1))
            return 0
        services = [options.slower * seconds for seconds in services_of(options.bench)]
    except BotError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    crowds = [replace(Crowd(managers), a_day=options.a_day, peak=options.peak) for managers in CROWDS]
    print("\n".join(table(services, crowds, Patience())))
    print(f"\nRetrieval is busy {max(crowds[-1].an_hour, 1) / 3600 * RETRIEVAL:.0%} of one core for {CROWDS[-1]:,} managers, all together.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
