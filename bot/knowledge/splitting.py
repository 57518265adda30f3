"""Splitting an extracted text into passages at headings and numbered points. Knows nothing of file formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

SPLITTER = "headings-1"
"""Raise it when passages would come out differently: documents are then split again."""
MAX_WORDS = 180
"""About 300 tokens of the embedder, which reads 512; longer passages are cut at a paragraph or a sentence."""
MIN_WORDS = 12
_HEADING = re.compile(r"^(?:#{1,6} +\S.*|\d{1,3}(?:[.)]|/\d{1,3}\.?) +\S.*)$", re.MULTILINE)
_BREAK = re.compile(r"\n\s*\n|(?<=[.!?…»”\"])\s+(?=[\w«„“\"])")


def split(text: str) -> list[tuple[int, int, str]]:
    """Passages of a text.

    Returns:
        (start, end, heading) with character offsets into `text`; every passage has at least MIN_WORDS words unless it
        is the whole text, and its text is `text[start:end]`.
    """
    passages = [(start, end, heading) for begin, finish, heading in _sections(text) for start, end in _pieces(text, begin, finish)]
    long_enough = [(start, end, heading) for start, end, heading in passages if len(text[start:end].split()) >= MIN_WORDS]
    return long_enough or passages[:1]


def _sections(text: str) -> Iterator[tuple[int, int, str]]:
    marks = [match for match in _HEADING.finditer(text) if len(match[0]) <= 120]
    starts = [0, *(match.start() for match in marks)]
    headings = ["", *(match[0].lstrip("#0123456789./) ").strip() for match in marks)]
    yield from zip(starts, [*starts[1:], len(text)], headings, strict=True)


def _pieces(text: str, begin: int, finish: int) -> Iterator[tuple[int, int]]:
    """Cuts one section into pieces of at most MAX_WORDS words, at the last possible break before that."""
    cuts = [begin, *(match.end() for match in _BREAK.finditer(text, begin, finish)), finish]
    start = begin
    for this, following in pairwise(cuts):
        if this > start and len(text[start:following].split()) > MAX_WORDS:
            yield from _trimmed(text, start, this)
            start = this
    yield from _trimmed(text, start, finish)


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    body = text[start:end]
    stripped = body.strip()
    if stripped:
        begin = start + body.index(stripped[0])
        yield begin, begin + len(stripped)
