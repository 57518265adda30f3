"""Answering from the organisation's own documents: their own sentences, quoted, never reworded. Knows no model."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.interface import Interface
from bot.knowledge.embedding import Embedder
from bot.text import MARKER
from bot.types import Citation, PassageHit

QUOTED = 2
"""Neighbouring sentences quoted from a passage."""
PASSAGES = 2
_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…]+[»”“\"')]*|\n|$)")


def own_words(
    hits: Sequence[PassageHit], question: str, texts: Interface, embedder: Embedder, first: int
) -> tuple[str, tuple[Citation, ...]]:
    """A sentence that quotes the best passages, and their citations.

    Args:
        hits: at least one, best first.
        first: number of the first citation.
    """
    cited = tuple(_cite(hit, question, embedder, first + n) for n, hit in enumerate(hits[:PASSAGES]))
    quotes = " ".join(f"«{said(citation)}» [{citation.n}]" for citation in cited)
    return f"{texts['own_documents']} {quotes}", cited


def said(citation: Citation) -> str:
    """A quote as an answer shows it: on one line, and numbers in brackets are none of the answer's markers."""
    return " ".join(MARKER.sub(r" (\1)", citation.quote).split())


def _cite(hit: PassageHit, question: str, embedder: Embedder, n: int) -> Citation:
    """The sentences of the passage nearest to the question, as one stretch of the document's text."""
    passage = hit.passage
    spans = [match.span() for match in _SENTENCE.finditer(passage.text) if match[0].strip()] or [(0, len(passage.text))]
    windows = [(spans[k][0], spans[min(k + QUOTED, len(spans)) - 1][1]) for k in range(max(1, len(spans) - QUOTED + 1))]
    vectors = embedder.queries([passage.text[start:end] for start, end in windows])
    best = int((vectors @ embedder.queries([question])[0]).argmax())
    start, end = windows[best]
    quote = passage.text[start:end]
    start += len(quote) - len(quote.lstrip())
    quote = quote.strip()
    begin = passage.start + start
    return Citation(n, "", passage.document, passage.title, passage.language, quote, begin, begin + len(quote))
