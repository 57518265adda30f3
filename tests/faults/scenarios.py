"""All scenarios by name, in the order of the table."""

from __future__ import annotations

from tests.faults.index import damage, disk, swaps, two_builders
from tests.faults.kills import kills
from tests.faults.trial import Scenario

SCENARIOS: dict[str, Scenario] = {
    "kills": kills,
    "damage": damage,
    "disk": disk,
    "two_builders": two_builders,
    "swaps": swaps,
}
