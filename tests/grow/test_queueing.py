"""The simulation against what is known of queues, and against the line that the program really keeps."""

from __future__ import annotations

import heapq
import json
import time
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

from bot.bench.capacity import COMPOSED, WAIT, enough, main, services_of
from bot.bench.queueing import Crowd, Model, Patience, replay, simulate
from bot.errors import ModelBusyError, UsageError
from bot.llm.line import Line

EVER = Patience(queue=10**9, seconds=float("inf"))


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_waiting_is_that_of_the_formula_for_equal_services(busy: float) -> None:
    """Pollaczek-Khinchine for constant service times: busy * service / (2 * (1 - busy))."""
    crowd = Crowd(1000, a_day=busy * 3600 / 3 / 1000, peak=1, coaching=1)
    found = simulate(crowd, 1, [3.0], EVER, hours=300)
    assert found.busy == pytest.approx(busy, rel=0.02)
    assert mean(found.waits) == pytest.approx(busy * 3 / (2 * (1 - busy)), rel=0.08)
    assert found.composed == 0


def test_waiting_is_that_of_the_formula_for_unequal_services() -> None:
    services = np.random.default_rng(1).exponential(3, 3000).tolist()
    crowd = Crowd(1000, a_day=0.6 * 3600 / 3 / 1000, peak=1, coaching=1)
    found = simulate(crowd, 1, services, EVER, hours=500)
    expected = found.busy * mean(np.square(services)) / mean(services) / (2 * (1 - found.busy))
    assert mean(found.waits) == pytest.approx(expected, rel=0.08)


def test_too_many_are_composed_instead_of_waiting() -> None:
    crowd = Crowd(1000, a_day=2 * 3600 / 3 / 1000, peak=1, coaching=1)
    found = simulate(crowd, 1, [3.0], Patience(8, 12), hours=20)
    assert found.busy == pytest.approx(1, abs=0.01)
    assert found.composed_share == pytest.approx(0.5, abs=0.03)
    assert found.wait(0.98) <= 12


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("patience", [Patience(2, 1000), Patience(8, 5), Patience(3, 7)])
def test_same_questions_are_sent_away_as_by_the_real_line(seed: int, patience: Patience) -> None:
    dice = np.random.default_rng(seed)
    model, line = Model(patience), Line(patience.queue, patience.seconds)
    ends: list[tuple[float, float, int, object]] = []
    decisions = []
    now = 0.0
    for number in range(300):
        now += float(dice.exponential(1.6))
        seconds = float(dice.uniform(1, 3))
        while ends and ends[0][0] <= now:
            _, took, _, ticket = heapq.heappop(ends)
            line.note(time.monotonic() - took)
            line.leave(ticket)
        waited = model.ask(now, seconds)
        try:
            heapq.heappush(ends, (now + (waited or 0) + seconds, seconds, number, line.join()))
            taken = True
        except ModelBusyError:
            taken = False
        decisions.append((taken, waited is not None))
        assert taken == (waited is not None), number
    assert {taken for taken, _ in decisions} == {True, False}


def test_enough_is_enough_and_one_less_is_not() -> None:
    services = [2.0, 3.0, 4.0]
    crowd = Crowd(10_000)
    processes, found = enough(services, crowd, Patience())
    assert found.composed_share <= COMPOSED
    assert found.wait(0.95) <= WAIT
    fewer = simulate(crowd, processes - 1, services, Patience(), hours=20)
    assert fewer.composed_share > COMPOSED or fewer.wait(0.95) > WAIT


def test_replay_waits_only_where_questions_meet() -> None:
    assert max(replay([0, 10, 20], [3.0], Patience()).waits) == 0
    assert sorted(set(replay([0, 0, 0], [3.0], Patience()).waits)) == [0, 3, 6]


def test_times_come_from_a_report_of_the_benchmark(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    figures = [{"name": "nb: first card", "value": 100.0}, {"name": "nb: whole answer", "value": 4.1}]
    report.write_text(json.dumps({"sections": {"Each language, over HTTP": figures}}), encoding="utf-8")
    assert np.median(services_of(report)) == pytest.approx(4.0, rel=0.03)
    report.write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no bench\.json"):
        services_of(report)


def test_command_prints_a_row_for_each_crowd(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--slower", "2"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 1")]
    assert [row.split("|")[1].strip() for row in rows] == ["10", "100", "1,000", "10,000"]
