"""Splitting an extracted text into passages at headings and numbered points. Knows nothing of file formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise

SPLITTER = "headings-2"
"""Raise it when passages would come out differently: documents are then split again."""
MAX_WORDS = 180
"""About 300 tokens of the embedder, which reads 512; longer passages are cut at a paragraph, a sentence or, without either, a word."""
MIN_WORDS = 12
"""A shorter piece, a title or a point of a few words, goes with the one after it, the last one with the one before."""
_WORDS = re.compile(r"\S+\s*")
_HEADING = re.compile(r"^(?:#{1,6} +\S.*|\d{1,3}(?:[.)]|/\d{1,3}\.?) +\S.*)$", re.MULTILINE)
_BREAK = re.compile(r"\n\s*\n|(?<=[.!?…»”\"])\s+(?=[\w«„“\"])")


def split(text: str) -> list[tuple[int, int, str]]:
    """Passages of a text.

    Returns:
        (start, end, heading) with character offsets into `text`; every passage has at least MIN_WORDS words unless it
        is the whole text, and its text is `text[start:end]`.
    """
    passages: list[tuple[int, int, str]] = []
    for begin, finish, heading in _sections(text):
        for start, end in _pieces(text, begin, finish):
            if passages and _is_short(text, passages[-1]):
                above = passages.pop()
                passages.append((above[0], end, heading or above[2]))
            else:
                passages.append((start, end, heading))
    if len(passages) > 1 and _is_short(text, passages[-1]):
        before, last = passages[-2:]
        passages[-2:] = [(before[0], last[1], before[2])]
    return passages


def _is_short(text: str, passage: tuple[int, int, str]) -> bool:
    return len(text[passage[0] : passage[1]].split()) < MIN_WORDS


def _sections(text: str) -> Iterator[tuple[int, int, str]]:
    marks = [match for match in _HEADING.finditer(text) if len(match[0]) <= 120]
    starts = [0, *(match.start() for match in marks)]
    headings = ["", *(match[0].lstrip("#0123456789./) ").strip() for match in marks)]
    yield from zip(starts, [*starts[1:], len(text)], headings, strict=True)


def _pieces(text: str, begin: int, finish: int) -> Iterator[tuple[int, int]]:
    """Cuts one section into pieces of at most MAX_WORDS words, at the last possible break before that."""
    start = begin
    for this, following in pairwise(_cuts(text, begin, finish)):
        if this > start and len(text[start:following].split()) > MAX_WORDS:
            yield from _trimmed(text, start, this)
            start = this
    yield from _trimmed(text, start, finish)


def _cuts(text: str, begin: int, finish: int) -> Iterator[int]:
    """Where a section may be cut: at paragraphs and sentences, and every MAX_WORDS words where neither comes."""
    for this, following in pairwise([begin, *(match.end() for match in _BREAK.finditer(text, begin, finish)), finish]):
        yield this
        for match in islice(_WORDS.finditer(text, this, following), MAX_WORDS - 1, None, MAX_WORDS):
            if match.end() < following:
                yield match.end()
    yield finish


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    body = text[start:end]
    stripped = body.strip()
    if stripped:
        begin = start + body.index(stripped[0])
        yield begin, begin + len(stripped)
