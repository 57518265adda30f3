"""Reading documents: txt, md, html, pdf, docx and odt to plain text, with well-kept readers; menus and link lists left out.

It knows formats, not passages. Every failure becomes a DocumentError with one line.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.errors import DocumentError
from bot.knowledge.boilerplate import without_boilerplate
from bot.text import clean

MAX_BYTES = 50_000_000
MAX_UNPACKED = 200_000_000
"""Bytes that a docx or odt may unpack to; more is taken for a zip bomb."""
MAX_CHARACTERS = 5_000_000
OLD_ENCODINGS = ("cp1252", "cp1251", "koi8_r")
"""Tried before all others for text that is not Unicode: with every code page allowed, Swedish in cp1252 was taken for Polish
(18 of 24 pieces of our article, å as ĺ); among these three 108 of 108 paragraphs in four languages were told rightly."""
_CHARSET = re.compile(rb"""<meta[^>]+charset=["']?\s*([\w-]+)""", re.IGNORECASE)


def read_document(path: Path) -> tuple[str, str]:
    """Title and plain text of a document.

    Raises:
        DocumentError: unreadable, encrypted, empty, too large, or not what its name says.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(f"has {size / 1e6:.0f} MB; {MAX_BYTES // 1_000_000} MB are possible. Split it.")
        if size == 0:
            raise DocumentError("is empty.")
        read = SUFFIXES.get(path.suffix.lower())
        if read is None:
            raise DocumentError(f"is no kind of file that can be read ({', '.join(SUFFIXES)}).")
        text = read(path)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}. Check its permissions.") from error
    text = without_boilerplate("\n".join(clean(line) for line in text[:MAX_CHARACTERS].splitlines()))
    if not any(character.isalpha() for character in text):
        raise DocumentError("holds no text (a scan needs text recognition first).")
    return clean(path.stem) or "document", text


def _plain(path: Path) -> str:
    raw = path.read_bytes()
    if raw.startswith(b"%PDF") or (b"\x00" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff"))):
        raise DocumentError("is not a text file, whatever its name says.")
    for encoding in ("utf-8-sig", "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    from charset_normalizer import from_bytes  # noqa: PLC0415 - only for old encodings

    best = from_bytes(raw, cp_isolation=list(OLD_ENCODINGS)).best() or from_bytes(raw).best()
    if best is None:
        raise DocumentError("is in an encoding that could not be told. Save it as UTF-8.")
    return str(best)


def _html(path: Path) -> str:
    import trafilatura  # noqa: PLC0415 - heavy

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    text = trafilatura.extract(
        _declared(path) or _plain(path), include_comments=False, include_links=False, include_images=False, output_format="markdown"
    )
    if not text:
        raise DocumentError("holds no article text that could be found.")
    return str(text)


def _declared(path: Path) -> str | None:
    """The page's text in the encoding that it declares itself."""
    raw = path.read_bytes()
    found = _CHARSET.search(raw[:2048])
    try:
        return raw.decode(found[1].decode("ascii")) if found else None
    except (LookupError, UnicodeDecodeError):
        return None


def _pdf(path: Path) -> str:
    from pypdf import PdfReader  # noqa: PLC0415
    from pypdf.errors import DependencyError  # noqa: PLC0415

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    if not path.read_bytes()[:1024].lstrip().startswith(b"%PDF"):
        raise DocumentError("is no PDF, whatever its name says.")
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("is encrypted. Save it without a password.")
        pages, length = [], 0
        for page in reader.pages:
            pages.append(_unwrapped(page.extract_text()))
            length += len(pages[-1])
            if length > MAX_CHARACTERS:
                break
        return "\n\n".join(pages)
    except DocumentError:
        raise
    except DependencyError as error:
        raise DocumentError("is encrypted. Save it without a password.") from error
    except Exception as error:  # pypdf lets through whatever a damaged object leads to
        raise DocumentError(f"is a damaged PDF ({type(error).__name__}).") from error


def _unwrapped(text: str) -> str:
    """Joins the lines of a paragraph that the page's width has cut."""
    return re.sub(r"(?<=[^\n.!?:…])\n(?=[^\W\d_A-ZÆØÅÄÖÜА-ЯЁ])", " ", text)


def _docx(path: Path) -> str:
    _refuse_bomb(path)
    import docx  # noqa: PLC0415

    try:
        return "\n\n".join(_docx_blocks(docx.Document(str(path))))
    except Exception as error:  # python-docx lets through whatever zip, XML or a missing part leads to
        raise DocumentError(f"is a damaged docx ({type(error).__name__}), or none at all.") from error


def _docx_blocks(document: Any) -> Iterator[str]:
    """Paragraphs, and tables row by row, in the document's order."""
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            yield "\n".join(f"| {' | '.join(dict.fromkeys(cell.text.strip() for cell in row.cells))} |" for row in block.rows)
        else:
            heading = block.style is not None and str(block.style.name).startswith("Heading")
            yield f"## {block.text}" if heading else block.text


def _odt(path: Path) -> str:
    _refuse_bomb(path)
    from odf.opendocument import load  # noqa: PLC0415

    try:
        return "\n\n".join(_odt_blocks(load(str(path)).text))
    except Exception as error:  # odfpy lets through whatever its XML parser raises
        raise DocumentError(f"is a damaged odt ({type(error).__name__}), or none at all.") from error


def _odt_blocks(element: Any) -> Iterator[str]:
    """Headings and paragraphs, also those inside lists, sections and tables."""
    from odf import teletype  # noqa: PLC0415

    for child in element.childNodes:
        kind = child.qname[1] if getattr(child, "qname", None) else ""
        if kind in {"h", "p"}:
            text = str(teletype.extractText(child))
            yield f"## {text}" if kind == "h" else text
        elif getattr(child, "childNodes", None):
            yield from _odt_blocks(child)


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except Exception as error:  # a damaged zip leads to more than BadZipFile
        raise DocumentError(f"is no {path.suffix[1:]}, whatever its name says.") from error
    if unpacked > MAX_UNPACKED:
        raise DocumentError(f"would unpack to {unpacked / 1e6:.0f} MB; {MAX_UNPACKED // 1_000_000} MB are possible.")


SUFFIXES: dict[str, Callable[[Path], str]] = {
    ".txt": _plain,
    ".md": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".docx": _docx,
    ".odt": _odt,
}
"""Reader of each kind of file."""
