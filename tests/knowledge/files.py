"""Real documents, made for a test: with the libraries that write them, or byte by byte."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import docx
from odf.opendocument import OpenDocumentText
from odf.table import Table, TableCell, TableRow
from odf.text import H, List, ListItem, P
from pypdf import PdfReader, PdfWriter

SENTENCES = {
    "nb": "Hold løftene dine også når det er ubehagelig, for ingen glemmer et brutt løfte på jobben.",
    "sv": "Hör av dig så fort kunden har sökt dig, även när du ännu inte har något färdigt svar på frågan.",
    "de": "Wahren Sie eine professionelle Distanz, auch wenn der Kunde Sie überraschend zum Essen einlädt.",
    "ru": "Покажите клиенту, что он вам важен, и дайте ему именно то, что ему сейчас действительно нужно.",
    "en": "Tell the truth to your team even when it is uncomfortable, and say it yourself before others do.",
}


def make_pdf(path: Path, pages: Sequence[Sequence[str]]) -> Path:
    """A PDF of text lines in Helvetica, written byte by byte."""
    objects: list[bytes] = []
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(b"<< /Type /Catalog /Pages 2 0 R >>")
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for n, lines in enumerate(pages):
        shown = b" T* ".join(b"(" + line.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)") + b") Tj" for line in lines)
        content = b"BT /F1 12 Tf 14 TL 72 720 Td " + shown + b" ET"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream")
    body, offsets = b"%PDF-1.4\n", []
    for n, item in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{n} 0 obj\n".encode() + item + b"\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    body += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{body.rindex(b'xref')}\n%%EOF\n".encode()
    path.write_bytes(body)
    return path


def encrypt_pdf(source: Path, path: Path, password: str) -> Path:
    """The same PDF with a password to open it (RC4, so that no further library is needed)."""
    writer = PdfWriter(clone_from=PdfReader(source))
    writer.encrypt(password, algorithm="RC4-128")
    writer.write(path)
    return path


def make_aes_pdf(source: Path, path: Path) -> Path:
    """A PDF that says it is encrypted with AES-256; the keys are zeros, nothing can open it."""
    encrypt = (
        b"<< /Filter /Standard /V 5 /R 6 /Length 256 /P -1028 /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV3 /Length 32 >> >> "
        b"/StmF /StdCF /StrF /StdCF /U <" + b"00" * 48 + b"> /O <" + b"00" * 48 + b"> /UE <" + b"00" * 32 + b"> /OE <" + b"00" * 32 + b"> "
        b"/Perms <" + b"00" * 16 + b"> >>"
    )
    raw = source.read_bytes()
    path.write_bytes(raw.replace(b"/Root 1 0 R", b"/Root 1 0 R /ID [<00><00>] /Encrypt " + encrypt))
    return path


def make_docx(path: Path, blocks: Sequence[str | Sequence[Sequence[str]]]) -> Path:
    """Paragraphs (`# ` makes a heading) and tables (rows of cells)."""
    document = docx.Document()
    for block in blocks:
        if not isinstance(block, str):
            table = document.add_table(rows=0, cols=len(block[0]))
            for row in block:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif block.startswith("# "):
            document.add_heading(block[2:], level=1)
        else:
            document.add_paragraph(block)
    document.save(str(path))
    return path


def make_odt(path: Path, heading: str, paragraphs: Sequence[str], points: Sequence[str] = (), cells: Sequence[str] = ()) -> Path:
    """A heading, paragraphs, a bulleted list and a table of one row."""
    document = OpenDocumentText()
    document.text.addElement(H(outlinelevel=1, text=heading))
    for paragraph in paragraphs:
        document.text.addElement(P(text=paragraph))
    bullets = List()
    for point in points:
        item = ListItem()
        item.addElement(P(text=point))
        bullets.addElement(item)
    document.text.addElement(bullets)
    table, row = Table(), TableRow()
    for text in cells:
        cell = TableCell()
        cell.addElement(P(text=text))
        row.addElement(cell)
    table.addElement(row)
    document.text.addElement(table)
    document.save(str(path))
    return path


def make_bomb(path: Path) -> Path:
    """A zip of a few hundred kilobytes that would unpack to 250 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        for _ in range(250):
            member.write(bytes(1_000_000))
    return path
