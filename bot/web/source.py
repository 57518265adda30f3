"""The source panel as HTML: the passage with the quote marked, where it comes from, and the tip card in the reader's language.

It knows articles, cards and the organisation's documents, not the conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.interface import Interface
from bot.knowledge.base import Knowledge
from bot.types import Article, Citation
from bot.web.markup import listing, paragraphs, safe
from bot.web.panels import render_panel

AROUND = 600
"""Characters of an own document that are shown before and after the quote."""


@dataclass(frozen=True)
class OwnText:
    """The text of one of the organisation's documents."""

    title: str
    language: str
    text: str


Lookup = Callable[[str], OwnText | None]
"""Gives a document of the organisation by id."""


def render_source(citation: Citation, texts: Interface, knowledge: Knowledge, lookup: Lookup, serial: int) -> str:
    """The panel for a citation.

    Args:
        texts: in the language of the answer.
        serial: see `render_panel`.
    """
    article = knowledge.articles.get(citation.article)
    body = _article(article, citation, texts) if article is not None else _own(citation, texts, lookup)
    return render_panel(f"{texts['source']} {citation.n}", body + _card(citation.tip, texts, knowledge), texts, serial)


def _article(article: Article, citation: Citation, texts: Interface) -> str:
    section = next((part for part in article.sections if part.start <= citation.start < part.end), None)
    start, end = (section.start, section.end) if section is not None else (citation.start, citation.end)
    heading = f"<h3>{safe(section.heading)}</h3>" if section is not None else ""
    passage = marked_passage(article.text, start, end, citation.start, citation.end)
    whole = "".join(f"<h3>{safe(part.heading)}</h3>{paragraphs(article.text[part.start : part.end])}" for part in article.sections)
    facts = [
        (texts["author"], article.author or article.site or texts["unknown"]),
        *([(texts["year"], str(article.year))] if article.year is not None else []),
        (texts["original_language"], texts.texts.get(f"lang_{article.language}", article.language)),
    ]
    rows = "".join(f"<div><dt>{safe(name)}</dt><dd>{safe(value)}</dd></div>" for name, value in facts)
    return (
        f'<h2 id="panel-title" lang="{safe(article.language)}">{safe(article.title)}</h2><dl>{rows}</dl>'
        f'<p class="edited">{safe(texts["edited"])}</p>'
        f'<div class="passage" lang="{safe(article.language)}">{heading}{passage}</div>'
        f"<details><summary>{safe(texts['whole_article'])}</summary>"
        f'<div class="whole" lang="{safe(article.language)}">{whole}</div></details>'
    )


def _own(citation: Citation, texts: Interface, lookup: Lookup) -> str:
    """A document of the organisation around the quote; the quote alone when the document is gone by now."""
    document = lookup(citation.article)
    if document is not None and document.text[citation.start : citation.end] == citation.quote:
        start, end = max(0, citation.start - AROUND), min(len(document.text), citation.end + AROUND)
        passage = marked_passage(document.text, start, end, citation.start, citation.end)
    else:
        passage = f"<p><mark>{safe(citation.quote)}</mark></p>"
    return (
        f'<h2 id="panel-title">{safe(citation.title)}</h2><p class="edited">{safe(texts["own_document"])}</p>'
        f'<div class="passage" lang="{safe(citation.language)}">{passage}</div>'
    )


def marked_passage(text: str, start: int, end: int, quote_start: int, quote_end: int) -> str:
    """`text[start:end]` as paragraphs with the quote in `<mark>`, one a paragraph where it spans several."""
    parts: list[str] = []
    at = start
    for block in text[start:end].split("\n\n"):
        if block.strip():
            cuts = [min(max(cut - at, 0), len(block)) for cut in (quote_start, quote_end)]
            before, quote, after = block[: cuts[0]], block[cuts[0] : cuts[1]], block[cuts[1] :]
            mark = f"<mark>{safe(quote)}</mark>" if quote.strip() else safe(quote)
            parts.append(f"<p>{safe(before.lstrip())}{mark}{safe(after.rstrip())}</p>")
        at += len(block) + 2
    return "".join(parts)


def _card(tip: str, texts: Interface, knowledge: Knowledge) -> str:
    """The tip card in the reader's language; nothing for an own document."""
    card = knowledge.cards.get(tip)
    text = card.texts.get(texts.language) if card is not None else None
    if text is None:
        return ""
    return (
        f'<section class="tip"><p class="kind">{safe(texts["card"])}</p><h3>{safe(text.title)}</h3><p class="why">{safe(text.why)}</p>'
        f"<h4>{safe(texts['steps'])}</h4>{listing(text.steps, 'ol')}"
        f"<h4>{safe(texts['avoid'])}</h4>{listing(text.avoid)}</section>"
    )
