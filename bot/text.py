"""Words and sentences: splitting, stems, cleaning. Knows nothing of cards, citations' meaning or models."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

from bot.language import Language

MARKER = re.compile(r"\s*\[(\d{1,2})\]")
"""A citation marker with the space before it."""
_WORD = re.compile(r"[^\W_]+(?:[’'][^\W_]+)*")
_END = re.compile(r"[.!?…]+[»”“\"’')\]]*(?:\s*\[\d{1,2}\])*[.!?]*(?=\s|$)")
_FIGURE = re.compile(r"(?:(?<!\w)[-−])?\d+(?:[.,:/]\d+)*(?:\s?[%‰])?")
_LAST_WORD = re.compile(r"([\w.]+)$")
_CONTROL = {code: None for code in range(32) if chr(code) not in "\n\t"} | {0x7F: None}
_MARKS = (
    r"[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0e38-\u0e3a\u0e48-\u0e4e"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_MARK_RUN = re.compile(rf"({_MARKS}{{2}}){_MARKS}+")
"""Collapsed before normalising: Python sorts a run of combining marks in quadratic time, 5 seconds for 100,000."""
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def clean(text: str) -> str:
    """Removes control, direction and zero-width characters and lone surrogates; collapses runs of combining marks and spaces."""
    text = _INVISIBLE.sub("", text.translate(_CONTROL))
    text = unicodedata.normalize("NFC", _MARK_RUN.sub(r"\1", text))
    return re.sub(r"[ \t]+", " ", text).strip()


def words(text: str) -> list[str]:
    """Words and numbers in order, lower case, without markers."""
    return [word.lower() for word in _WORD.findall(MARKER.sub("", text))]


def stems(text: str, language: Language) -> list[str]:
    """Snowball stems of the words, in order; numbers stay whole."""
    return [_stem(word, language.stemmer) for word in words(text)]


def numbers(text: str) -> set[str]:
    """Numbers written in digits, without markers."""
    return {word for word in words(text) if any(character.isdigit() for character in word)}


def figures(text: str) -> set[str]:
    """Numbers written in digits as they stand, with what changes their value: sign, decimals, per cent; without markers."""
    return {"".join(match[0].split()) for match in _FIGURE.finditer(MARKER.sub("", text))}


def negations(text: str, language: Language) -> int:
    """How many negations of its language a text has."""
    return sum(word in language.negations or word.endswith(("n't", "n’t")) for word in words(text))


def split_sentences(text: str, language: Language) -> tuple[list[str], str]:
    """Complete sentences of a text that may still grow.

    Returns:
        The sentences, each with the markers that follow it, and the rest, whose end is not known before what comes after it:
        however a text is cut while it grows, its sentences are the same.
    """
    sentences: list[str] = []
    start = 0
    for match in _ends(text, language):
        sentences.append(text[start : match.end()].strip())
        start = match.end()
    return sentences, text[start:]


def _ends(text: str, language: Language) -> Iterator[re.Match[str]]:
    for match in _END.finditer(text):
        before = _LAST_WORD.search(text[: match.start()])
        last = before[1].lower() if before else ""
        following = text[match.end() :].lstrip()
        is_abbreviation = match[0] == "." and (last in language.abbreviations or (len(last) == 1 and last.isalpha()))
        if is_abbreviation or not following or following[0].islower() or following[0] == "[":
            continue
        yield match


_STEMMING = threading.Lock()
"""A stemmer keeps the word that it works on: two threads at once get an IndexError or each other's stems."""


@lru_cache(maxsize=50_000)
def _stem(word: str, algorithm: str) -> str:
    if any(character.isdigit() for character in word):
        return word
    with _STEMMING:
        return str(_stemmer(algorithm).stemWord(word))


@lru_cache(maxsize=16)
def _stemmer(algorithm: str):  # type: ignore[no-untyped-def]
    return snowballstemmer.stemmer(algorithm)
