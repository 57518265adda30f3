"""Every scenario in its short form; `python -m tests.faults --long` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.faults.trial import Trial

SEED = 7


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_goes_wrong_under(name: str, tmp_path: Path) -> None:
    for row in SCENARIOS[name](Trial(SEED, tmp_path)):
        assert row.failures == 0, f"{row.fault}: {row.failures} of {row.tries}: {row.notes}"
