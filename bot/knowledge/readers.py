"""Reading documents: txt, md, html, pdf, docx and odt to plain text, with well-kept readers; menus and link lists left out.

It knows formats, not passages. Every failure becomes a DocumentError with one line.
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from bot.errors import DocumentError
from bot.text import clean

MAX_BYTES = 50_000_000
MAX_UNPACKED = 200_000_000
"""Bytes that a docx or odt may unpack to; more is taken for a zip bomb."""
MAX_CHARACTERS = 5_000_000
LIST_LINES = 5
"""So many short lines in a row without a sentence among them are a menu or a list of links."""
_LINK_LINE = re.compile(r"https?://|www\.|\S+@\S+\.\w+", re.IGNORECASE)
_REFERENCE = re.compile(r"^\s*(?:see(?: also)?|siehe(?: auch)?|se også|läs även|les også|читайте также|смотрите также)\s*:", re.IGNORECASE)
_COPYRIGHT = re.compile(r"©|\(c\) ?\d{4}|all rights reserved|cookie", re.IGNORECASE)


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
    return path.stem, text


def without_boilerplate(text: str) -> str:
    """The text without runs of short lines that hold no sentence, link lines, cross references and copyright lines.

    Blank lines stay as paragraph breaks; a short line directly above a paragraph is a heading and stays.
    """
    lines = text.splitlines()
    keep = [
        not (_REFERENCE.match(line) or _COPYRIGHT.search(line) or (_LINK_LINE.search(line) and len(line.split()) <= 12)) for line in lines
    ]
    run: list[int] = []
    for n, line in enumerate([*lines, "A closing sentence that is long enough to end the last run of short lines."]):
        if line.strip() and _listlike(line):
            run.append(n)
        elif line.strip():
            if len(run) >= LIST_LINES:
                for k in run:
                    keep[k] = False
            run = []
    kept = [line.rstrip() if keep[n] else "" for n, line in enumerate(lines)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _listlike(line: str) -> bool:
    """A short line that ends like no sentence; numbered points that are headings of an article stand alone, not in runs."""
    bare = line.strip()
    return len(bare.split()) <= 14 and not re.search(r"[.!?:…][»”\"')]*$", bare)


def _plain(path: Path) -> str:
    raw = path.read_bytes()
    if b"\x00" in raw[:4096] and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DocumentError("is not a text file, whatever its name says.")
    for encoding in ("utf-8-sig", "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    from charset_normalizer import from_bytes  # noqa: PLC0415 - only for old encodings

    best = from_bytes(raw).best()
    if best is None:
        raise DocumentError("is in an encoding that could not be told. Save it as UTF-8.")
    return str(best)


def _html(path: Path) -> str:
    import trafilatura  # noqa: PLC0415 - heavy

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    text = trafilatura.extract(_plain(path), include_comments=False, include_links=False, include_images=False, output_format="markdown")
    if not text:
        raise DocumentError("holds no article text that could be found.")
    return str(text)


def _pdf(path: Path) -> str:
    from pypdf import PdfReader  # noqa: PLC0415
    from pypdf.errors import PyPdfError  # noqa: PLC0415

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
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        NotImplementedError,
    ) as error:
        raise DocumentError(f"is a damaged PDF ({type(error).__name__}).") from error


def _unwrapped(text: str) -> str:
    """Joins the lines of a paragraph that the page's width has cut."""
    return re.sub(r"(?<=[^\n.!?:…])\n(?=[^\W\d_A-ZÆØÅÄÖÜА-ЯЁ])", " ", text)


def _docx(path: Path) -> str:
    _refuse_bomb(path)
    import docx  # noqa: PLC0415
    from docx.opc.exceptions import PackageNotFoundError  # noqa: PLC0415

    try:
        paragraphs = docx.Document(str(path)).paragraphs
        return "\n\n".join(
            f"## {p.text}" if p.style is not None and str(p.style.name).startswith("Heading") else p.text for p in paragraphs
        )
    except (PackageNotFoundError, KeyError, ValueError, SyntaxError, AttributeError) as error:
        raise DocumentError(f"is a damaged docx ({type(error).__name__}), or none at all.") from error


def _odt(path: Path) -> str:
    _refuse_bomb(path)
    from odf import teletype  # noqa: PLC0415
    from odf import text as odf_text  # noqa: PLC0415
    from odf.opendocument import load  # noqa: PLC0415

    try:
        document = load(str(path))
        blocks = []
        for element in document.text.childNodes:
            if element.qname == odf_text.H().qname:
                blocks.append(f"## {teletype.extractText(element)}")
            else:
                blocks.append(str(teletype.extractText(element)))
        return "\n\n".join(blocks)
    except Exception as error:  # odfpy lets through whatever its XML parser raises
        raise DocumentError(f"is a damaged odt ({type(error).__name__}), or none at all.") from error


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
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
