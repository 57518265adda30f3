"""The sheet for works councils and data protection: what is stored where, for how long, who can read it, how to check it.

Generated from the running settings; the texts are in each language's `privacy.yaml`. It claims what the program does and says
nothing of any law. What is stored of people on disk is what `bot.retention` lists.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from bot import __version__
from bot.cache import SECONDS
from bot.config import Settings
from bot.errors import UsageError
from bot.knowledge.files import FileModel, parse, parse_yaml, read_text
from bot.web.sessions import KEPT_HOURS

FILE = "privacy.yaml"


class Row(FileModel):
    """One thing that might hold something of people."""

    what: str
    where: str
    how_long: str
    who: str
    proof: str


class Texts(FileModel):
    """The sheet's texts in one language."""

    title: str
    intro: str
    summary: str
    made_on: str
    where: str
    how_long: str
    who: str
    proof: str
    rows: dict[str, Row]


def load_texts(settings: Settings, language: str) -> Texts:
    """Reads a language's texts.

    Raises:
        UsageError: that language has none.
        KnowledgeError: the file is damaged.
    """
    folder = settings.data / "languages"
    path = folder / language / FILE
    known = sorted(file.parent.name for file in folder.glob(f"*/{FILE}"))
    if language not in known:
        raise UsageError(f"The privacy sheet is not there in {language!r}. It is in {', '.join(known)}; or write {path}.")
    return parse(Texts, parse_yaml(read_text(path), path), path)


def rows(settings: Settings) -> list[str]:
    """Which rows hold for these settings, in the order of the sheet."""
    return [
        "conversation",
        "cache_on" if settings.answer_cache else "cache_off",
        "model_away" if _remote(settings) else "model_here",
        "feedback_on" if settings.feedback else "feedback_off",
        "identity_on" if settings.token_algorithm or settings.user_header else "identity_off",
        "limits",
        "logs",
        "metrics_on" if settings.metrics_from else "metrics_off",
        "documents",
        "backup",
        "browser",
        "network_away" if _servers(settings) else "network",
    ]


def sheet(settings: Settings, texts: Texts, made_on: date | None = None) -> str:
    """The sheet as Markdown.

    Args:
        made_on: a day to name; None leaves it out.
    """
    values = {
        "home": _short(settings.home),
        "hours": KEPT_HOURS,
        "minutes": round(SECONDS / 60),
        "days": settings.feedback_days,
        "host": _remote(settings),
        "servers": ", ".join(_servers(settings)),
        "user": settings.limit_user,
        "address": settings.limit_address,
        "readers": ", ".join(settings.metrics_from),
        "port": settings.port,
        "hub": urlsplit(settings.hub).netloc or settings.hub,
        "version": __version__,
    }
    lines = [f"# {texts.title}", "", texts.intro.format(**values)]
    lines += ["", texts.made_on.format(date=made_on.isoformat())] if made_on else []
    lines += ["", f"**{texts.summary}**"]
    for name in rows(settings):
        row = texts.rows[name]
        lines += ["", f"## {row.what}"]
        for label, text in ((texts.where, row.where), (texts.how_long, row.how_long), (texts.who, row.who), (texts.proof, row.proof)):
            lines.append(f"- **{label}:** {text.format(**values)}")
    return "\n".join(lines) + "\n"


def _remote(settings: Settings) -> str:
    """Host and port of the model server that questions are sent to, or nothing."""
    return _host(settings.model) if settings.model.startswith(("http://", "https://")) else ""


def _servers(settings: Settings) -> list[str]:
    """Host and port of every other server that the chat talks to while it runs."""
    index = _host(settings.chroma_url) if settings.chroma_url else ""
    return [host for host in (_remote(settings), index) if host]


def _host(address: str) -> str:
    """Host and port of an address; a user name and password in it are left out."""
    return urlsplit(address).netloc.rpartition("@")[2]


def _short(folder: Path) -> str:
    """The folder with `~` for the home of the account that runs the chat."""
    return f"~/{folder.relative_to(Path.home())}" if folder.is_relative_to(Path.home()) else str(folder)
