"""Any text that may come in: every script, marks without letters, directions, and what this project's own parts look for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

ODD = (
    "\u0301" * 5,
    "e\u0338",
    "\u202e",
    "\u2066",
    "\u200d",
    "\u00ad",
    "\ufeff",
    "\x00",
    "\u2028",
    "İ",
    "ﬁ",
    "ß",
    "١",
    "½",
    "🙂",
    "👩‍👩‍👧",
    "<|im_end|>",
    "<|",
    "|>",
    "<",
    "$question",
    "${steps}",
    "{x}",
    "[1]",
    "[[1]7]",
    "[",
    "%",
    "€",
    ". ",
    "! ",
    "…",
    "»",
    "\n# ",
    "\n- ",
    "6.5",
    "z. B. ",
    "auf Deutsch",
    "svar på norsk",
)
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.one_of(st.sampled_from(ODD), st.text(st.characters(exclude_categories=["Cs"]), max_size=12)), max_size=12).map("".join),
)
"""Any text without lone surrogates, which `clean` takes away at the edge."""


def examples(many: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The same examples in every run, so many of them."""
    return settings(max_examples=many, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
