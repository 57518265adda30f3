"""The articles: front matter, headed sections, and offsets into the file's own text. Knows nothing of cards."""

from __future__ import annotations

import re
from pathlib import Path

from bot.errors import KnowledgeError
from bot.knowledge.files import FileModel, parse, parse_yaml, read_text
from bot.types import Article, Passage, Section

_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)


class FrontMatter(FileModel):
    """The block between `---` lines at the top of an article."""

    id: str
    language: str
    title: str
    author: str | None = None
    site: str | None = None
    year: int | None = None
    note: str


def load_article(path: Path) -> Article:
    """Reads one article.

    Raises:
        KnowledgeError: no front matter, a wrong field, or no section.
    """
    text = read_text(path)
    front = _FRONT.match(text)
    if front is None:
        raise KnowledgeError(f"{path} does not begin with a front matter between two lines of ---. Add id, language, title and note.")
    fields = parse(FrontMatter, parse_yaml(front[1], path), path)
    headings = list(_HEADING.finditer(text))
    if not headings:
        raise KnowledgeError(f"{path} has no line that begins with '## '. Give each point a heading.")
    ends = [match.start() for match in headings[1:]] + [len(text)]
    sections = tuple(Section(match[1], match.end() + 1, end) for match, end in zip(headings, ends, strict=True))
    return Article(**fields.model_dump(), text=text, sections=sections)


def load_articles(folder: Path) -> dict[str, Article]:
    """All articles of `folder/<language>/<id>.md`, by id."""
    articles = [load_article(path) for path in sorted(folder.glob("*/*.md"))]
    if not articles:
        raise KnowledgeError(f"{folder} holds no articles (<language>/<id>.md). Restore it from the repository.")
    return {article.id: article for article in articles}


def find_quote(article: Article, heading: str, quote: str) -> tuple[int, int]:
    """Character offsets of `quote` in the article's text, inside the section under `heading`.

    Raises:
        KnowledgeError: no such section, or the quote is not in it exactly once.
    """
    section = next((section for section in article.sections if section.heading == heading), None)
    if section is None:
        raise KnowledgeError(f"Article {article.id} has no section '{heading}'. Its sections: {[s.heading for s in article.sections]}.")
    body = article.text[section.start : section.end]
    if body.count(quote) != 1:
        raise KnowledgeError(f"Article {article.id}, section '{heading}' holds the quote {body.count(quote)} times, not once: {quote!r}.")
    start = section.start + body.index(quote)
    return start, start + len(quote)


def article_passages(article: Article) -> list[Passage]:
    """One passage a section: its body, trimmed, with offsets into the article's text."""
    passages = []
    for section in article.sections:
        body = article.text[section.start : section.end]
        start = section.start + len(body) - len(body.lstrip())
        end = start + len(body.strip())
        passages.append(
            Passage(
                f"{article.id}#{start}",
                article.id,
                section.heading,
                article.language,
                article.text[start:end],
                start,
                end,
            )
        )
    return passages
