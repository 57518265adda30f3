"""One turn of the conversation as HTML: the question, the tip cards, the sentences, and what follows them.

It knows what a turn looks like, not how an answer comes about nor what shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from bot.coach import Sentence, Waiting, join
from bot.interface import Interface
from bot.types import Answer, CardView, Turn
from bot.web.markup import listing, marked_up, safe

AWAY = {"model_away", "model_busy", "model_failed", "model_slow"}
"""Notes of an answer for which the reader is told that the model did not take part."""


@dataclass(frozen=True)
class Exchange:
    """A question and what is shown below it by now. `answer` is there when it is complete, `failed` when it never will be."""

    number: int
    question: str
    language: str
    cards: tuple[CardView, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    answer: Answer | None = None
    failed: bool = False
    waiting: Waiting | None = None
    """What the model's queue told last."""

    @property
    def running(self) -> bool:
        """True while more is to come."""
        return self.answer is None and not self.failed

    @property
    def text(self) -> str:
        """The answer's words as shown by now."""
        return join(self.sentences)

    def with_sentence(self, sentence: Sentence) -> Exchange:
        """The exchange with one sentence more."""
        return replace(self, sentences=(*self.sentences, sentence))

    def turn(self) -> Turn:
        """What a follow-up question is told of it."""
        return Turn(self.question, self.text)

    def title_of(self, n: int) -> str:
        """What marker `[n]` stands for, as far as it is known by now."""
        named = {card.n: card.title for card in self.cards}
        if self.answer is not None:
            named = {citation.n: citation.title for citation in self.answer.citations} | named
        return named.get(n, "")


def render_turn(exchange: Exchange, texts: Interface, *, last: bool) -> str:
    """A turn.

    Args:
        texts: in the language of the answer, so that a turn is in one language throughout.
        last: only the newest turn offers follow-up questions.
    """
    running = exchange.running
    said = _said(exchange, texts)
    body = [
        f'<p class="asked" dir="auto"><span class="unseen">{safe(texts["you"])}: </span>{safe(exchange.question)}</p>',
        _cards(exchange, texts),
        f'<div class="said" dir="auto">{said}</div>' if said else "",
        _waiting(exchange, texts) if running else _after(exchange, texts, last=last),
    ]
    state = "running" if running else "failed" if exchange.failed else "complete"
    return (
        f'<section class="turn" lang="{safe(texts.language)}" data-state="{state}" data-turn="{exchange.number}" '
        f'aria-busy="{str(running).lower()}">{"".join(body)}</section>'
    )


def render_past(exchanges: Sequence[tuple[Exchange, Interface]]) -> str:
    """All turns before the newest."""
    return "".join(render_turn(exchange, texts, last=False) for exchange, texts in exchanges)


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

    blocks = [block for block in exchange.text.split("\n\n") if block]
    return "".join(f"<p>{marked_up(block, button)}</p>" for block in blocks)


def _waiting(exchange: Exchange, texts: Interface) -> str:
    """What is happening, how many are before, and how long it will take, as far as that is known."""
    told = [texts["wording" if exchange.cards else "thinking"]]
    if exchange.waiting is not None:
        if exchange.waiting.ahead:
            told = [texts["wording_ahead"], texts.format("ahead", ahead=exchange.waiting.ahead)]
        if exchange.waiting.seconds:
            told.append(texts.format("about_seconds", seconds=ceil(exchange.waiting.seconds)))
    return f'<p class="waiting"><span class="pulse" aria-hidden="true"></span>{safe(" ".join(told))}</p>'


def _after(exchange: Exchange, texts: Interface, *, last: bool) -> str:
    """What stands below a complete answer."""
    if exchange.failed or exchange.answer is None:
        return f'<p class="failed">{safe(texts["error_internal"])}</p>'
    answer = exchange.answer
    notes = [texts[f"mode_{answer.mode}"]]
    if "stopped" in answer.notes:
        notes.insert(0, texts["stopped"])
    elif AWAY & set(answer.notes) and answer.mode == "composed":
        notes = [texts["model_away"]]
    parts = [f'<p class="mode">{safe(" ".join(notes))}</p>']
    if answer.say:
        parts.append(f'<div class="say"><h2>{safe(texts["say"])}</h2>{listing(answer.say)}</div>')
    if answer.reflect:
        parts.append(f'<div class="reflect"><h2>{safe(texts["reflect"])}</h2><p>{safe(answer.reflect)}</p></div>')
    if last and answer.follow_ups:
        buttons = "".join(f'<li><button type="button" data-ask="{n}">{safe(ask)}</button></li>' for n, ask in enumerate(answer.follow_ups))
        parts.append(f'<div class="next"><h2>{safe(texts["follow_ups"])}</h2><ul>{buttons}</ul></div>')
    return "".join(parts)
