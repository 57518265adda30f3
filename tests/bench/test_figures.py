"""Medians, ratios and the perfect queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.bench.figures import first_come, median, ratio, single

seconds = st.floats(0.01, 100)


def test_median_has_an_interval_around_it_and_is_the_same_every_time() -> None:
    values = [1.0, 2.0, 3.0, 4.0, 100.0]
    figure = median("wait", values, "s", "≤ 3.5")
    assert figure == median("wait", values, "s", "≤ 3.5")
    assert (figure.value, figure.n, figure.met) == (3.0, 5, True)
    assert 1.0 <= figure.low < 3.0 < figure.high <= 100.0


def test_ratio_is_pair_by_pair_so_that_a_common_load_cancels_out() -> None:
    loads = [1.0, 10.0, 3.0, 7.0]
    figure = ratio("ours", [2 * load for load in loads], loads)
    assert figure.value == figure.low == figure.high == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("value", "target", "met"), [(0.97, "≥ 0.97", True), (0.96, "≥ 0.97", False), (1.2, "≤ 1.1", False), (0, "≤ 0", True), (5, "", None)]
)
def test_target_is_met_or_not(value: float, target: str, met: bool | None) -> None:
    assert single("figure", value, "", target).met is met


def test_one_user_never_waits() -> None:
    assert first_come([[1.0, 2.0, 3.0]]) == [1.0, 2.0, 3.0]


def test_those_who_come_at_once_wait_for_those_before() -> None:
    assert first_come([[2.0], [3.0], [4.0]]) == [2.0, 5.0, 9.0]


def test_who_asks_again_stands_behind_those_who_wait() -> None:
    assert first_come([[1.0, 1.0], [5.0]]) == [1.0, 6.0, 6.0]


def test_nobody_asks() -> None:
    assert first_come([[], []]) == []


@given(st.lists(st.lists(seconds, max_size=4), max_size=5))
def test_every_question_is_answered_and_none_faster_than_alone(services: list[list[float]]) -> None:
    responses = first_come(services)
    alone = [service for own in services for service in own]
    assert len(responses) == len(alone)
    assert sum(responses) >= sum(alone) * 0.999
    assert max(responses, default=0.0) <= sum(alone) * 1.001
