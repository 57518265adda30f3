"""What stands below a complete answer as HTML: who put it together, what to do with it, words to use, follow-ups, and its sources
for paper.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.interface import Interface
from bot.types import Answer
from bot.web.exchange import Exchange, Rating
from bot.web.markup import listing, safe

AWAY = {"model_away", "model_failed", "model_slow"}
"""Notes of an answer for which the reader is told that the model did not take part."""
AGAIN = {"model_busy", "model_slow"}
"""Notes of an answer that the model may word when it is asked once more."""
WORD_LENGTH = 200
"""Characters of the words that go with a rating."""


@dataclass(frozen=True)
class Offers:
    """What a reader may do with an answer, besides copying it and changing its question."""

    last: bool = False
    """Only the newest turn offers follow-up questions and to be asked again."""
    rating_days: int | None = None
    """Days that a rating is kept; None: there is none."""


def render_below(exchange: Exchange, texts: Interface, offers: Offers) -> str:
    """Everything below the sentences."""
    answer = exchange.answer
    if exchange.failed or answer is None:
        return f'<p class="failed">{safe(texts["error_internal"])}</p>{_actions(exchange, texts, offers)}'
    rating = _rating(exchange, texts, offers.rating_days) if offers.last and offers.rating_days is not None else ""
    parts = [_mode(answer, texts, offers), f'<div class="tools">{_actions(exchange, texts, offers)}{rating}</div>']
    if answer.say:
        parts.append(f'<div class="say"><h2>{safe(texts["say"])}</h2>{listing(answer.say)}</div>')
    if answer.reflect:
        parts.append(f'<div class="reflect"><h2>{safe(texts["reflect"])}</h2><p>{safe(answer.reflect)}</p></div>')
    if offers.last and answer.follow_ups:
        buttons = "".join(f'<li><button type="button" data-ask="{n}">{safe(ask)}</button></li>' for n, ask in enumerate(answer.follow_ups))
        parts.append(f'<div class="next"><h2>{safe(texts["follow_ups"])}</h2><ul>{buttons}</ul></div>')
    return "".join([*parts, _sources(exchange, texts)])


def mode_notes(answer: Answer, texts: Interface) -> list[str]:
    """Who put the answer together, and why not the model where it should have."""
    if "stopped" in answer.notes:
        return [texts["stopped"], texts[f"mode_{answer.mode}"]]
    if answer.mode == "composed" and "model_busy" in answer.notes:
        return [texts["model_busy"]]
    if answer.mode == "composed" and AWAY & set(answer.notes):
        return [texts["model_away"]]
    return [texts[f"mode_{answer.mode}"]]


def _mode(answer: Answer, texts: Interface, offers: Offers) -> str:
    worded = ""
    if offers.last and answer.mode == "composed" and AGAIN & set(answer.notes):
        worded = f' <button type="button" class="worded" data-again>{safe(texts["ask_worded"])}</button>'
    return f'<p class="mode">{safe(" ".join(mode_notes(answer, texts)))}{worded}</p>'


def _actions(exchange: Exchange, texts: Interface, offers: Offers) -> str:
    buttons = [] if exchange.failed else [("copy", f'data-copy data-copied="{safe(texts["copied"])}"')]
    buttons += [("again", "data-again")] if offers.last else []
    buttons += [("edit", f'data-edit="{exchange.number}"')]
    rows = "".join(
        f'<li><button type="button" class="act {name}" {data}><span>{safe(texts[name])}</span></button></li>' for name, data in buttons
    )
    return f'<ul class="actions">{rows}</ul>'


def _rating(exchange: Exchange, texts: Interface, days: int) -> str:
    """Two thumbs; a click shows what would be stored, and only the button there stores it."""
    if exchange.rating is not Rating.NONE:
        key = "rate_thanks" if exchange.rating is Rating.STORED else "rate_failed"
        return f'<p class="rated" role="status">{safe(texts[key])}</p>'
    thumbs = "".join(_thumb(verdict, safe(texts[f"rate_{verdict}"])) for verdict in ("up", "down"))
    return (
        f'<div class="rate" data-turn="{exchange.number}"><p>{safe(texts["rate"])}</p>{thumbs}'
        f'<div class="consent" hidden><p>{safe(texts.format("rate_consent", days=days))}</p>'
        f'<label>{safe(texts["rate_word"])}<input type="text" maxlength="{WORD_LENGTH}" autocomplete="off"></label>'
        f'<p class="choices"><button type="button" class="agree" data-agree>{safe(texts["rate_send"])}</button>'
        f'<button type="button" class="refuse" data-refuse>{safe(texts["rate_cancel"])}</button></p></div></div>'
    )


def _thumb(verdict: str, label: str) -> str:
    return (
        f'<button type="button" class="thumb {verdict}" data-rate="{verdict}" aria-pressed="false" title="{label}">'
        f'<span class="unseen">{label}</span></button>'
    )


def _sources(exchange: Exchange, texts: Interface) -> str:
    """For paper and for the clipboard; on the screen each marker opens its source."""
    if not exchange.sources:
        return ""
    rows = "".join(
        f'<li>[{source.n}] <q lang="{safe(_language(exchange, source.n))}">{safe(source.quote)}</q> {safe(source.about)}</li>'
        for source in exchange.sources
    )
    return f'<div class="sources"><h2>{safe(texts["sources"])}</h2><ul>{rows}</ul></div>'


def _language(exchange: Exchange, n: int) -> str:
    citations = exchange.answer.citations if exchange.answer is not None else ()
    return next((citation.language for citation in citations if citation.n == n), exchange.language)
