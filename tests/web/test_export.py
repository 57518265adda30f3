"""The conversation as a file: complete, with its sources, and everything foreign in it is text."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from docx import Document
from markdown_it import MarkdownIt

from bot.assemble import Parts
from bot.coach import Coach
from bot.events import Sentence
from bot.types import Answer, Mode, Route
from bot.web.chat import Chat
from bot.web.exchange import Exchange, Exchanges, Source
from bot.web.export import export, inert
from tests.web.payloads import PAYLOADS

DAY = date(2026, 11, 22)
RUSSIAN = "Как вернуть доверие команды, если я не сдержал обещание?"


@pytest.fixture(scope="module")
def exchanges(coach: Coach) -> Exchanges:
    updates = list(Chat(coach, lambda _: None).ask(RUSSIAN, (), "session", "ru"))
    return next(update.exchanges for update in reversed(updates) if update.exchanges)


def foreign(payload: str) -> Exchanges:
    answer = Answer("", payload, "en", Route.COACH, Mode.GENERATED, payload, say=(payload,), reflect=payload)
    return (Exchange(1, payload, "en", (), (Sentence(payload), Sentence(payload, True)), answer, (Source(1, payload, payload),)),)


def words(content: bytes) -> str:
    return "\n".join(paragraph.text for paragraph in Document(io.BytesIO(content)).paragraphs)


@pytest.mark.parametrize("kind", ["md", "docx"])
def test_file_holds_question_answer_and_the_sources_quotes(exchanges: Exchanges, parts: Parts, kind: str) -> None:
    file = export(exchanges, parts.interfaces, "ru", kind, DAY)
    assert file.name == f"trust-coach-2026-11-22.{kind}"
    text = words(file.content) if kind == "docx" else MarkdownIt().render(file.content.decode())
    answer = exchanges[0].answer
    assert answer is not None
    assert answer.citations
    shown = [RUSSIAN, *answer.say, answer.reflect, "2026-11-22", *(" ".join(citation.quote.split()) for citation in answer.citations)]
    for wanted in [*shown, exchanges[0].sentences[0].text]:
        assert wanted in text.replace("&quot;", '"')


def test_unfinished_turn_is_left_out(parts: Parts) -> None:
    content = export((Exchange(1, "Half asked", "en"),), parts.interfaces, "en", "md", DAY).content.decode()
    assert "Half asked" not in content


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markdown_shows_foreign_text_as_text(parts: Parts, payload: str) -> None:
    content = export(foreign(payload), parts.interfaces, "en", "md", DAY).content.decode()
    tokens = MarkdownIt("gfm-like", {"linkify": False}).enable(["table", "strikethrough"]).parse(content)
    kinds = {token.type for token in tokens} | {child.type for token in tokens for child in token.children or ()}
    assert not kinds & {"html_block", "html_inline", "image", "link_open", "code_inline", "fence", "code_block", "table_open", "s_open"}


@pytest.mark.parametrize("text", ["www.evil.example", "https://evil.example/x", "me@evil.example", "HTTP://EVIL", "mailto:a@b.c"])
def test_address_is_no_link_even_where_bare_ones_become_links(text: str) -> None:
    assert not any(child.type == "link_open" for token in MarkdownIt("gfm-like").parse(inert(text)) for child in token.children or ())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_word_document_shows_foreign_text_as_text(parts: Parts, payload: str) -> None:
    content = export(foreign(payload), parts.interfaces, "en", "docx", DAY).content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = archive.read("word/document.xml").decode()
        relations = archive.read("word/_rels/document.xml.rels").decode()
    assert not any(tag in body for tag in ("<w:hyperlink", "<w:fldSimple", "<w:instrText", "<w:drawing", "<w:object"))
    assert 'TargetMode="External"' not in relations
    assert Document(io.BytesIO(content)).core_properties.author == ""
