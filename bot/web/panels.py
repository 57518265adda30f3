"""The panels that open over the page as HTML: their frame, saving the conversation, and what is stored. The source panel: `source`."""

from __future__ import annotations

from collections.abc import Sequence

from bot.interface import Interface
from bot.web.markup import listing, safe

FORMATS = ("docx", "md")


def render_panel(kind: str, body: str, texts: Interface, serial: int) -> str:
    """A panel around a body whose heading has the id `panel-title`.

    Args:
        kind: the small line above it.
        serial: differs at every opening, so that opening the same panel twice is a change.
    """
    close = safe(texts["close"])
    return (
        f'<dialog class="panel" lang="{safe(texts.language)}" aria-labelledby="panel-title" data-serial="{serial}">'
        f'<div class="panel-head"><p class="kind">{safe(kind)}</p>'
        f'<button type="button" class="close" data-close aria-label="{close}" title="{close}">'
        f'<span aria-hidden="true">×</span></button></div>'
        f'<div class="panel-body" tabindex="0">{body}</div></dialog>'
    )


def render_saving(texts: Interface, serial: int) -> str:
    """The formats that the conversation can be had in."""
    buttons = [f'<button type="button" data-save="{name}">{safe(texts[f"save_{name}"])}</button>' for name in FORMATS]
    buttons.append(f'<button type="button" data-print>{safe(texts["print"])}</button>')
    body = (
        f'<h2 id="panel-title">{safe(texts["save_title"])}</h2><p class="about">{safe(texts["save_about"])}</p>'
        f'<div class="formats">{"".join(buttons)}</div>'
    )
    return render_panel(texts["title"], body, texts, serial)


def render_stored(facts: Sequence[str], texts: Interface, serial: int) -> str:
    """What is stored about the reader."""
    body = (
        f'<h2 id="panel-title">{safe(texts["stored_title"])}</h2><div class="facts">{listing(list(facts))}</div>'
        f'<p class="about">{safe(texts["stored_about"])}</p>'
    )
    return render_panel(texts["title"], body, texts, serial)
