"""The supply page names every pinned package at its version, with a licence. Otherwise: python docs/supply.py > docs/SUPPLY.md"""

from __future__ import annotations

import re

import yaml
from packaging.requirements import Requirement

from bot.config import ROOT
from docs.supply import needed, pins

PAGE = (ROOT / "docs" / "SUPPLY.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| ([\w-]+) \| (\d[\w.]*) \| .* \|$", PAGE, re.M))


def test_every_pin_is_named_at_its_version() -> None:
    assert pins() == ROWS


def test_every_package_names_a_licence() -> None:
    assert not re.findall(r"^\|.*(?:see the package|not installed).*$", PAGE, re.M)


def test_nothing_that_runs_is_under_the_gpl_alone() -> None:
    running = PAGE.partition("## Packages that run")[2].partition("##")[0]
    rows = [line for line in running.splitlines() if re.search(r"\b(?:A|L)?GPL", line)]
    assert all(re.search(r"Apache|MIT|BSD|MPL", line) for line in rows)


def test_every_model_is_named_with_its_sha256() -> None:
    for model in yaml.safe_load((ROOT / "data" / "models.yaml").read_text("utf-8")).values():
        assert model["sha256"] in PAGE
        assert model["licence"] in PAGE


def test_everything_that_is_installed_here_for_a_requirement_is_found() -> None:
    found = needed([str(Requirement("trafilatura>=2")), "PyJWT[crypto]"])
    assert {"trafilatura", "lxml", "courlan", "tld", "pyjwt", "cryptography"} <= found
    assert needed(["trafilatura; python_version < '3'"]) == set()
