"""Text to HTML, safely: everything that was a user's, a model's, a title's or an article's goes through `safe`.

It knows no part of the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from bot.text import MARKER

_UNSEEN = re.compile(
    r"[\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Characters that reorder or hide what stands next to them, and those that no page may hold."""
_TEMPLATE = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;", "\\": "&#92;"})
"""Gradio puts the page's HTML together with a template engine; these would mean something to it."""

_MARKED = re.compile(r"([^\s\[\]]*)((?:\s*\[\d{1,2}\])+)([.,;:!?…»”)]*)")
"""A word, the markers behind it, and the punctuation that follows."""


def plain(text: str) -> str:
    """The text without characters that reorder or hide its neighbours or that no document may hold."""
    return _UNSEEN.sub("", text)


def safe(text: str) -> str:
    """The text as inert HTML, for content and for quoted attributes alike."""
    return escape(plain(text), quote=True).translate(_TEMPLATE)


def marked_up(text: str, marker: Callable[[int], str]) -> str:
    """The text as HTML with each `[n]` replaced by what `marker` gives for it, on one line with the word before it."""
    parts: list[str] = []
    end = 0
    for found in _MARKED.finditer(text):
        markers = "".join(marker(int(number[1])) for number in MARKER.finditer(found[2]))
        parts += [safe(text[end : found.start()]), f'<span class="kept">{safe(found[1])}{markers}{safe(found[3])}</span>']
        end = found.end()
    return "".join([*parts, safe(text[end:])])


def paragraphs(text: str) -> str:
    """Blocks between empty lines as `<p>`; single line breaks stay."""
    blocks = [safe(block.strip()).replace("\n", "<br>") for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "".join(f"<p>{block}</p>" for block in blocks)


def listing(items: tuple[str, ...] | list[str], kind: str = "ul") -> str:
    """A list of texts."""
    return f"<{kind}>{''.join(f'<li>{safe(item)}</li>' for item in items)}</{kind}>" if items else ""
