"""Every kind of document, whole and broken; no failure is anything but one line."""

from __future__ import annotations

import os
import random
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import DocumentError
from bot.knowledge.readers import MAX_BYTES, read_document
from tests.knowledge.files import SENTENCES, encrypt_pdf, make_aes_pdf, make_bomb, make_docx, make_odt, make_pdf

ENGLISH = SENTENCES["en"]


def text_of(path: Path) -> str:
    return read_document(path)[1]


def refusal(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read_document(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


@pytest.mark.parametrize("language", SENTENCES)
@pytest.mark.parametrize("suffix", [".txt", ".md", ".TXT"])
def test_text_comes_as_it_is(tmp_path: Path, language: str, suffix: str) -> None:
    path = written(tmp_path / f"house rules{suffix}", SENTENCES[language])
    assert read_document(path) == ("house rules", SENTENCES[language])


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("nb", "cp1252"),
        ("sv", "cp1252"),
        ("de", "cp1252"),
        ("ru", "cp1251"),
        ("ru", "koi8_r"),
        *[(language, encoding) for language in SENTENCES for encoding in ("utf-16", "utf-8-sig")],
    ],
)
def test_old_encodings_are_told(tmp_path: Path, language: str, encoding: str) -> None:
    text = "\n\n".join([SENTENCES[language]] * 2)
    assert text_of(written(tmp_path / "old.txt", text.encode(encoding))) == text


def test_windows_line_ends_become_plain_ones(tmp_path: Path) -> None:
    assert text_of(written(tmp_path / "a.txt", f"{ENGLISH}\r\n\r\n{ENGLISH}")) == f"{ENGLISH}\n\n{ENGLISH}"


def html(body: str, head: str = "") -> str:
    return f"<!DOCTYPE html><html><head>{head}<title>Page</title></head><body>{body}</body></html>"


def test_html_loses_menus_scripts_and_footers(tmp_path: Path) -> None:
    menu = "<nav><ul>" + "".join(f'<li><a href="/{n}">Menu entry {n}</a></li>' for n in range(9)) + "</ul></nav>"
    article = f"<article><h2>Keep promises</h2><p>{ENGLISH}</p><p>{ENGLISH[::-1]}</p></article>"
    page = html(f"{menu}<script>alert('boo')</script>{article}<footer>© 2020 Somebody, all rights reserved</footer>")
    text = text_of(written(tmp_path / "page.html", page))
    assert ENGLISH in text
    assert "## Keep promises" in text
    assert not any(word in text for word in ("Menu entry", "boo", "©"))


@pytest.mark.parametrize(("language", "encoding"), [("sv", "iso-8859-1"), ("ru", "windows-1251"), ("ru", "koi8-r")])
def test_html_is_read_in_the_encoding_that_it_declares(tmp_path: Path, language: str, encoding: str) -> None:
    page = html(f"<article><p>{SENTENCES[language]}</p></article>", f'<meta charset="{encoding}">')
    assert SENTENCES[language] in text_of(written(tmp_path / "page.htm", page.encode(encoding)))


def test_html_with_a_wrong_declaration_is_still_read(tmp_path: Path) -> None:
    page = html(f"<article><p>{SENTENCES['nb']}</p></article>", '<meta charset="nonsense-9">')
    assert SENTENCES["nb"] in text_of(written(tmp_path / "page.html", page))


@pytest.mark.parametrize("page", [html(""), "<div>" * 20_000], ids=["empty", "deep"])
def test_html_without_an_article_is_refused(tmp_path: Path, page: str) -> None:
    assert refusal(written(tmp_path / "page.html", page))


def test_pdf_gives_its_paragraphs_page_by_page(tmp_path: Path) -> None:
    path = make_pdf(
        tmp_path / "a.pdf", [["Hold løftene (alltid) også når", "det er ubehagelig for deg."], ["Second page speaks of trust."]]
    )
    assert text_of(path) == "Hold løftene (alltid) også når det er ubehagelig for deg.\n\nSecond page speaks of trust."


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1])
def test_truncated_pdf_is_refused_or_read_in_part(tmp_path: Path, kept: float) -> None:
    whole = make_pdf(tmp_path / "a.pdf", [[ENGLISH[:80]]] * 5).read_bytes()
    path = written(tmp_path / "cut.pdf", whole[: int(len(whole) * kept)])
    try:
        assert ENGLISH[:20] in text_of(path)
    except DocumentError as error:
        assert "\n" not in str(error)


def test_damaged_files_never_raise_anything_else(tmp_path: Path) -> None:
    makers = [
        make_pdf(tmp_path / "a.pdf", [[ENGLISH[:80]]] * 3),
        make_docx(tmp_path / "a.docx", ["# Trust", ENGLISH]),
        make_odt(tmp_path / "a.odt", "Trust", [ENGLISH]),
    ]
    dice = random.Random(7)  # noqa: S311
    for source in makers:
        whole = source.read_bytes()
        for n in range(60):
            raw = bytearray(whole)
            for _ in range(dice.choice([1, 10, 100])):
                raw[dice.randrange(len(raw))] = dice.randrange(256)
            try:
                read_document(written(tmp_path / f"{n}{source.suffix}", bytes(raw)))
            except DocumentError as error:
                assert "\n" not in str(error)


def test_encrypted_pdf_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = encrypt_pdf(make_pdf(tmp_path / "a.pdf", [[ENGLISH]]), tmp_path / "locked.pdf", "secret")
    assert refusal(path) == "is encrypted. Save it without a password."


def test_pdf_encrypted_in_a_way_that_nothing_here_can_open_is_refused(tmp_path: Path) -> None:
    path = make_aes_pdf(make_pdf(tmp_path / "a.pdf", [[ENGLISH]]), tmp_path / "aes.pdf")
    assert refusal(path) == "is encrypted. Save it without a password."


def test_pdf_with_an_empty_password_is_read(tmp_path: Path) -> None:
    path = encrypt_pdf(make_pdf(tmp_path / "a.pdf", [[ENGLISH[:80]]]), tmp_path / "open.pdf", "")
    assert ENGLISH[:80] in text_of(path)


def test_pdf_without_text_asks_for_text_recognition(tmp_path: Path) -> None:
    assert "text recognition" in refusal(make_pdf(tmp_path / "scan.pdf", [[]]))


def test_docx_gives_headings_paragraphs_and_tables_in_order(tmp_path: Path) -> None:
    path = make_docx(
        tmp_path / "a.docx", ["# Trust", ENGLISH, [["Who", "What they promised"], ["Anna", "To call back"]], "The end is here."]
    )
    assert text_of(path) == f"## Trust\n\n{ENGLISH}\n\n| Who | What they promised |\n| Anna | To call back |\n\nThe end is here."


def test_odt_gives_lists_and_tables_point_by_point(tmp_path: Path) -> None:
    path = make_odt(tmp_path / "a.odt", "Trust", [SENTENCES["ru"]], ["Tell the truth.", "Keep promises."], ["Left cell.", "Right cell."])
    assert text_of(path) == f"## Trust\n\n{SENTENCES['ru']}\n\nTell the truth.\n\nKeep promises.\n\nLeft cell.\n\nRight cell."


@pytest.mark.parametrize("suffix", [".docx", ".odt"])
def test_zip_bomb_is_refused_unopened(tmp_path: Path, suffix: str) -> None:
    began = time.monotonic()
    bomb = make_bomb(tmp_path / f"bomb{suffix}")
    made = time.monotonic()
    assert "would unpack to 250 MB" in refusal(bomb)
    assert time.monotonic() - made < 0.5 + (made - began)


def test_docx_with_a_locked_member_is_refused(tmp_path: Path) -> None:
    path = make_docx(tmp_path / "a.docx", [ENGLISH])
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(mark)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(mark, at + 4)
    assert "damaged docx" in refusal(written(tmp_path / "locked.docx", bytes(raw)))


def test_entities_that_multiply_are_not_followed(tmp_path: Path) -> None:
    source = make_odt(tmp_path / "a.odt", "Trust", [ENGLISH])
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = tmp_path / "laughs.odt"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(bomb, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == "content.xml":
                content = content.replace(b"?>", f'?><!DOCTYPE x [<!ENTITY e0 "ha">{entities}]>'.encode(), 1)
                content = content.replace(ENGLISH.encode(), b"&e9;")
            new.writestr(member, content)
    began = time.monotonic()
    refusal(bomb)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("suffix", "said"),
    [(".pdf", "no PDF"), (".docx", "no docx"), (".odt", "no odt")],
)
def test_text_under_another_kind_s_name_is_refused(tmp_path: Path, suffix: str, said: str) -> None:
    assert said in refusal(written(tmp_path / f"a{suffix}", ENGLISH))


@pytest.mark.parametrize(
    "make", [lambda path: make_docx(path, [ENGLISH]), lambda path: make_odt(path, "Trust", [ENGLISH])], ids=["docx", "odt"]
)
def test_office_file_under_a_text_s_name_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "source")
    shutil.copy(path, tmp_path / "a.txt")
    assert "not a text file" in refusal(tmp_path / "a.txt")


def test_pdf_under_a_text_s_name_is_refused(tmp_path: Path) -> None:
    assert refusal(make_pdf(tmp_path / "a.txt", [[ENGLISH]]))


def test_docx_under_an_odt_s_name_is_refused(tmp_path: Path) -> None:
    shutil.copy(make_docx(tmp_path / "a.docx", [ENGLISH]), tmp_path / "a.odt")
    assert "odt" in refusal(tmp_path / "a.odt")


def test_random_bytes_are_refused(tmp_path: Path) -> None:
    assert refusal(written(tmp_path / "a.txt", random.Random(3).randbytes(5000).replace(b"\x00", b"a")))  # noqa: S311


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".pdf", ".docx", ".odt"])
def test_empty_file_is_called_empty(tmp_path: Path, suffix: str) -> None:
    assert refusal(written(tmp_path / f"a{suffix}", b"")) == "is empty."


@pytest.mark.parametrize("content", ["   \n\n\t ", "123 456\n789", "\u200b\u200b"])
def test_file_without_a_letter_holds_no_text(tmp_path: Path, content: str) -> None:
    assert "holds no text" in refusal(written(tmp_path / "a.txt", content))


def test_unknown_kind_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    assert ".docx" in refusal(written(tmp_path / "a.xlsx", ENGLISH))


def test_sparse_giant_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", ENGLISH)
    os.truncate(path, MAX_BYTES + 10_000_000)
    began = time.monotonic()
    assert refusal(path) == "has 60 MB; 50 MB are possible. Split it."
    assert time.monotonic() - began < 0.5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_names_its_permissions(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", ENGLISH)
    path.chmod(0)
    assert "permissions" in refusal(path)


def test_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "a.txt")


@pytest.mark.parametrize("marks", ["\u0301", "\u0301\u0316", "\u0591\u05a3", "\u064b\u0650"])
def test_hundred_thousand_combining_marks_cost_no_time(tmp_path: Path, marks: str) -> None:
    path = written(tmp_path / "a.txt", f"{ENGLISH} o{marks * (100_000 // len(marks))} {ENGLISH}")
    began = time.monotonic()
    text = text_of(path)
    assert time.monotonic() - began < 1.0
    assert len(text) < 2 * len(ENGLISH) + 10


def test_title_of_an_undecodable_file_name_is_readable(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe6gler.txt"))
    title, _ = read_document(written(path, ENGLISH))
    title.encode("utf-8")
    assert title == "rgler"
