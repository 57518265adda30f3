"""Leaving out what a page wraps around a text: menus, link lists, cross references, copyright lines. Knows no file formats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

LIST_LINES = 5
"""So many short lines in a row without a sentence among them are a menu or a list of links."""
_SEE = r"see(?: also)?|siehe(?: auch)?|se også|se även|läs även|läs också|les også|читайте также|смотрите также|см\. также"
_LINK_LINE = re.compile(r"https?://|www\.|\S+@\S+\.\w+", re.IGNORECASE)
_REFERENCE = re.compile(rf"^\s*(?:{_SEE})\s*:", re.IGNORECASE)
_CUT_REFERENCE = re.compile(rf"(?<=[.!?…»”\"')\s])\s*\b(?:{_SEE})\s*:\s*$", re.IGNORECASE)
"""A cross reference whose title has slipped to the next line."""
_NUMBERED = re.compile(r"^\s*(?:\d{1,3}[.)]|[-*•])\s+\S")
_CRUMBS = re.compile(r"^[^|]{1,40}(?: \| [^|]{1,40})+$")
"""A menu on one line: `Home | Sitemap`."""
_COPYRIGHT = re.compile(r"©|\(c\) ?\d{4}|all rights reserved|cookie", re.IGNORECASE)


def without_boilerplate(text: str) -> str:
    """The text without runs of short lines that hold no sentence, link lines, cross references and copyright lines.

    Blank lines stay as paragraph breaks; a short line directly above a paragraph is a heading and stays, and so does a list that a
    sentence with a colon leads into.
    """
    lines = text.splitlines()
    drop = {n for n, line in enumerate(lines) if _is_chrome(line)} | set(_strays(lines))
    for run in (*_short_runs(lines), *_numbered_runs(lines)):
        if len(run) >= LIST_LINES and not _leads_in(lines, run[0]):
            drop |= set(run)
    for n, line in enumerate(lines):
        if _CUT_REFERENCE.search(line):
            lines[n] = _CUT_REFERENCE.sub("", line)
            drop |= {k for k in (_next_line(lines, n),) if k is not None and _listlike(lines[k])}
    kept = ["" if n in drop else line.rstrip() for n, line in enumerate(lines)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _is_chrome(line: str) -> bool:
    """A line that belongs to the page around a text: a cross reference, a copyright line, a link, a menu on one line."""
    few = len(line.split()) <= 12
    return bool(_REFERENCE.match(line) or _COPYRIGHT.search(line) or (few and (_LINK_LINE.search(line) or _CRUMBS.match(line.strip()))))


def _strays(lines: Sequence[str]) -> Iterator[int]:
    """The first and the last line when they are one lower-case word: a tracker's name, a signature."""
    full = [n for n, line in enumerate(lines) if line.strip()]
    for n in {*full[:1], *full[-1:]} if len(full) > 1 else ():
        if len(lines[n].split()) == 1 and lines[n].islower() and _listlike(lines[n]):
            yield n


def _short_runs(lines: Sequence[str]) -> Iterator[list[int]]:
    """Runs of lines that end like no sentence, blank lines between them or not."""
    full = (n for n, line in enumerate(lines) if line.strip())
    yield from (list(run) for short, run in groupby(full, lambda n: _listlike(lines[n])) if short)


def _numbered_runs(lines: Sequence[str]) -> Iterator[list[int]]:
    """Runs of adjacent list entries most of which end like no sentence: titles of other pages, some with a full stop."""
    for numbered, group in groupby(range(len(lines)), lambda n: bool(_NUMBERED.match(lines[n]))):
        run = list(group)
        if numbered and 3 * sum(_listlike(lines[n]) for n in run) >= 2 * len(run):
            yield run


def _leads_in(lines: Sequence[str], first: int) -> bool:
    """True when the line before a list is a sentence that ends in a colon."""
    before = next((lines[n].strip() for n in range(first - 1, -1, -1) if lines[n].strip()), "")
    return before.endswith(":") and len(before.split()) >= 4 and not _REFERENCE.match(before)


def _next_line(lines: Sequence[str], after: int) -> int | None:
    return next((n for n in range(after + 1, len(lines)) if lines[n].strip()), None)


def _listlike(line: str) -> bool:
    """A short line that ends like no sentence and is no row of a table; an article's numbered headings stand alone, not in runs."""
    bare = line.strip()
    return len(bare.split()) <= 14 and not bare.startswith("|") and not re.search(r"[.!?:…][»”\"')]*$", bare)
