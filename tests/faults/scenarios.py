"""All scenarios by name, in the order of the table."""

from __future__ import annotations

from tests.faults.index import damage, disk, swaps, two_builders
from tests.faults.inputs import documents, requests
from tests.faults.kills import kills
from tests.faults.load import many_clients, real_model, soak
from tests.faults.model import model_file, model_kills
from tests.faults.strangers import poison, poison_real_model, sessions, two_at_once
from tests.faults.trial import Scenario

SCENARIOS: dict[str, Scenario] = {
    "kills": kills,
    "damage": damage,
    "disk": disk,
    "two_builders": two_builders,
    "swaps": swaps,
    "model_file": model_file,
    "model_kills": model_kills,
    "poison": poison,
    "poison_real_model": poison_real_model,
    "two_at_once": two_at_once,
    "sessions": sessions,
    "requests": requests,
    "documents": documents,
    "many_clients": many_clients,
    "real_model": real_model,
    "soak": soak,
}
