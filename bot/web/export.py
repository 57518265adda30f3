"""The conversation as a file to take along: Markdown or a Word document, made in memory. It knows neither the page nor the coach.

Everything that was typed, worded or cited is text in it and nothing else: no markup, no link, no image, no field.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from docx import Document
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from bot.interface import Interface
from bot.web.below import mode_notes
from bot.web.exchange import Exchange, Exchanges
from bot.web.markup import plain

TYPES = {
    "md": "text/markdown",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&!$^=])")
_LINE_START = re.compile(r"^(\s*)([-+]|\d+(?=[.)]))", re.MULTILINE)
_ADDRESS = re.compile(r"(?i)(https?|ftp|mailto|xmpp|www)([:.])|@")
_OUR_MARKER = re.compile(r"\\\[(\d{1,2})\\\](?![(\[:])")
"""A marker that Markdown cannot take for the beginning of a link."""


@dataclass(frozen=True)
class File:
    """A file as a browser saves it."""

    name: str
    type: str
    content: bytes


def export(exchanges: Exchanges, interfaces: Mapping[str, Interface], interface: str, kind: str, made: date) -> File:
    """The conversation as a file.

    Args:
        interface: the language of what stands around it; each turn is in its own.
        kind: a key of TYPES.
    """
    complete = [(exchange, interfaces[exchange.language]) for exchange in exchanges if exchange.answer is not None]
    texts = interfaces[interface]
    note = texts.format("made", title=texts["title"], date=made.isoformat())
    content = _word(texts["title"], note, complete, interface) if kind == "docx" else _markdown(texts["title"], note, complete)
    return File(f"trust-coach-{made.isoformat()}.{kind}", TYPES[kind], content)


@dataclass(frozen=True)
class _Part:
    """A piece of a turn: `kind` is heading, text, note, item or quote."""

    kind: str
    text: str


def _parts(exchange: Exchange, texts: Interface) -> Iterator[_Part]:
    answer = exchange.answer
    if answer is None:
        return
    yield _Part("question", exchange.question)
    yield from (_Part("text", block) for block in exchange.paragraphs)
    yield _Part("note", " ".join(mode_notes(answer, texts)))
    if answer.say:
        yield _Part("heading", texts["say"])
        yield from (_Part("item", line) for line in answer.say)
    if answer.reflect:
        yield _Part("heading", texts["reflect"])
        yield _Part("text", answer.reflect)
    if exchange.sources:
        yield _Part("heading", texts["sources"])
        for source in exchange.sources:
            yield _Part("source", f"[{source.n}] {source.about}")
            yield _Part("quote", source.quote)


def _markdown(title: str, note: str, complete: list[tuple[Exchange, Interface]]) -> bytes:
    shapes = {"question": "## {}", "heading": "### {}", "text": "{}", "note": "*{}*", "item": "- {}", "source": "{}", "quote": "> {}"}
    blocks = [f"# {inert(title)}", inert(note)]
    for exchange, texts in complete:
        for part in _parts(exchange, texts):
            text = inert(" ".join(part.text.split()) if part.kind != "text" else part.text)
            blocks.append(shapes[part.kind].format(_OUR_MARKER.sub(r"[\1]", text) if part.kind in {"text", "source"} else text))
    return ("\n\n".join(blocks) + "\n").encode()


def inert(text: str) -> str:
    """The text so that Markdown shows it as it is: nothing of it is markup, a link or HTML."""
    escaped = _MARKUP.sub(r"\\\1", plain(text))
    escaped = _LINE_START.sub(lambda found: f"{found[1]}{found[2]}\\" if found[2].isdigit() else f"{found[1]}\\{found[2]}", escaped)
    return _ADDRESS.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else "\\@", escaped)


def _word(title: str, note: str, complete: list[tuple[Exchange, Interface]], language: str) -> bytes:
    document: WordDocument = Document()
    _dress(document, title, language)
    document.add_heading(plain(title), level=0)
    document.add_paragraph(plain(note))
    styles = {"question": "Heading 1", "heading": "Heading 2", "item": "List Bullet", "quote": "Intense Quote"}
    for exchange, texts in complete:
        for part in _parts(exchange, texts):
            run = document.add_paragraph(style=styles.get(part.kind)).add_run(plain(part.text))
            run.italic = True if part.kind == "note" else None
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def _dress(document: WordDocument, title: str, language: str) -> None:
    """Plain type, the page's colour for headings, the language for spell checkers, and no name of an author."""
    document.core_properties.title = plain(title)
    document.core_properties.author = ""
    document.core_properties.comments = ""
    for style in document.styles:
        if style.name in {"Normal", "Title", "Heading 1", "Heading 2", "Intense Quote"}:
            style.font.name = "Calibri"
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{theme}"), None)
            style.font.color.rgb = RGBColor(0x1D, 0x24, 0x22) if style.name == "Normal" else RGBColor(0x0F, 0x5B, 0x57)
    normal = document.styles["Normal"]
    normal.font.size = Pt(11)
    properties = normal.element.get_or_add_rPr()
    spoken = properties.makeelement(qn("w:lang"), {qn("w:val"): language})
    properties.append(spoken)
