"""What stands around the conversation as HTML: title, what this is, the choice of language, example questions, notices."""

from __future__ import annotations

from collections.abc import Mapping

from bot.interface import Interface
from bot.web.markup import safe

RETRY_SECONDS = 10
"""After so long one whom the page's queue refused is told to try again."""
_TOLD = {
    "lost": "connection_lost",
    "retry": "retry",
    "busy": "error_busy",
    "editing": "editing",
    "keep": "editing_cancel",
    "chip": "chip",
    "unchip": "chip_remove",
}
"""What static/page.js says by itself, and where it finds the words: `data-…` of the header."""


def render_head(texts: Interface, interfaces: Mapping[str, Interface], longest: int) -> str:
    """Title, choice of the interface's language, and the two lines that say what this is.

    Args:
        longest: characters of a question that the browser sends at most.
    """
    options = "".join(
        f'<option value="{safe(code)}" lang="{safe(code)}"{" selected" if code == texts.language else ""}>{safe(other["name"])}</option>'
        for code, other in interfaces.items()
    )
    choice = (
        f'<label class="language"><span class="unseen">{safe(texts["language"])}</span><select data-language>{options}</select></label>'
    )
    told = " ".join(f'data-{name}="{safe(texts.format(key, seconds=RETRY_SECONDS))}"' for name, key in _TOLD.items())
    return (
        f'<header class="head" lang="{safe(texts.language)}" data-language="{safe(texts.language)}" data-longest="{longest}" '
        f'{told}><div class="brand"><h1>{safe(texts["title"])}</h1>{choice}</div>'
        f'<p class="tagline">{safe(texts["tagline"])}</p><p class="disclosure">{safe(texts["disclosure"])}</p></header>'
    )


def render_examples(texts: Interface) -> str:
    """The example questions of the interface's language as buttons."""
    rows = "".join(
        f'<li><button type="button" data-ask="{number}">{safe(question)}</button></li>' for number, question in enumerate(texts.questions)
    )
    return f'<section class="examples" lang="{safe(texts.language)}"><h2>{safe(texts["examples"])}</h2><ul>{rows}</ul></section>'


def render_foot(texts: Interface) -> str:
    """How the keyboard sends, and the ways to what is stored and to saving the conversation."""
    links = "".join(
        f'<button type="button" class="link {name}" data-panel="{name}" aria-haspopup="dialog">{safe(texts[name])}</button>'
        for name in ("save", "stored")
    )
    return f'<div class="below" lang="{safe(texts.language)}"><p class="hint">{safe(texts["keys"])}</p>{links}</div>'


def render_notice(text: str, language: str) -> str:
    """A sentence above the text box: what was wrong with what was typed."""
    return f'<p class="notice" lang="{safe(language)}">{safe(text)}</p>' if text else ""


def render_announcement(text: str, language: str, *, busy: bool) -> str:
    """What a screen reader says: nothing while sentences arrive, the whole answer once at the end."""
    return (
        f'<div class="unseen" role="status" aria-live="polite" aria-atomic="true" aria-busy="{str(busy).lower()}" '
        f'lang="{safe(language)}">{safe(text)}</div>'
    )
