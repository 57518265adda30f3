"""One turn of the conversation as HTML: the question, the tip cards, the sentences, and that more is to come.

It knows what a turn looks like, not how an answer comes about nor what shows it. What stands below an answer: `below`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from bot.interface import Interface
from bot.web.below import Offers, render_below
from bot.web.exchange import Exchange
from bot.web.markup import marked_up, safe


def render_turn(exchange: Exchange, texts: Interface, offers: Offers) -> str:
    """A turn.

    Args:
        texts: in the language of the answer, so that a turn is in one language throughout.
        offers: what the reader may do with the answer.
    """
    running = exchange.running
    said = _said(exchange, texts)
    body = [
        f'<p class="asked" dir="auto"><span class="unseen">{safe(texts["you"])}: </span>{safe(exchange.question)}</p>',
        _cards(exchange, texts),
        f'<div class="said" dir="auto">{said}</div>' if said else "",
        _waiting(exchange, texts) if running else render_below(exchange, texts, offers),
    ]
    state = "running" if running else "failed" if exchange.failed else "complete"
    return (
        f'<section class="turn" lang="{safe(texts.language)}" data-state="{state}" data-turn="{exchange.number}" '
        f'aria-busy="{str(running).lower()}">{"".join(body)}</section>'
    )


def render_past(exchanges: Sequence[tuple[Exchange, Interface]]) -> str:
    """All turns before the newest."""
    return "".join(render_turn(exchange, texts, Offers()) for exchange, texts in exchanges)


def _cards(exchange: Exchange, texts: Interface) -> str:
    if not exchange.cards:
        return ""
    rows = "".join(
        f'<li><button type="button" class="card" data-open="{card.n}" data-turn="{exchange.number}" aria-haspopup="dialog">'
        f'<span class="number" aria-hidden="true">{card.n}</span><span class="card-text"><strong>{safe(card.title)}</strong> '
        f'<cite>{safe(card.article)}</cite> <span class="why">{safe(card.why)}</span></span></button></li>'
        for card in exchange.cards
    )
    return f'<div class="cards"><h2>{safe(texts["cards"])}</h2><ol>{rows}</ol></div>'


def _said(exchange: Exchange, texts: Interface) -> str:
    """The sentences as paragraphs, each marker a button that opens its source."""

    def button(n: int) -> str:
        title = exchange.title_of(n)
        label = f"{texts['source']} {n}: {title}" if title else f"{texts['source']} {n}"
        return (
            f'<button type="button" class="marker" data-open="{n}" data-turn="{exchange.number}" aria-haspopup="dialog" '
            f'aria-label="{safe(label)}" title="{safe(title)}">{n}</button>'
        )

    return "".join(f"<p>{marked_up(block, button)}</p>" for block in exchange.paragraphs)


def _waiting(exchange: Exchange, texts: Interface) -> str:
    """What is happening, how many are before, and how long it will take, as far as that is known."""
    told = [texts["wording" if exchange.cards else "thinking"]]
    if exchange.waiting is not None:
        if exchange.waiting.ahead:
            told = [texts["wording_ahead"], texts.format("ahead", ahead=exchange.waiting.ahead)]
        if exchange.waiting.seconds:
            told.append(texts.format("about_seconds", seconds=ceil(exchange.waiting.seconds)))
    return f'<p class="waiting"><span class="pulse" aria-hidden="true"></span>{safe(" ".join(told))}</p>'
