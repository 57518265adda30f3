"""What an older or newer version left: an index is rebuilt while the chat answers, a setting is refused by name, nothing is lost unseen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.assemble import Parts
from bot.config import Settings, load_settings
from bot.cues import Cues
from bot.current import SHIPPED, CurrentIndex
from bot.doctor import examine
from bot.errors import IndexError_, SettingsError
from bot.knowledge.build import IndexHome
from bot.knowledge.documents import DocumentShelf
from tests.fakes import HashEmbedder
from tests.knowledge.entries import ENTRIES

Change = Callable[[dict[str, Any]], object]
OTHER_VERSIONS: list[tuple[Change, str]] = [
    (lambda raw: raw.update(schema=raw["schema"] - 1), "schema changed"),
    (lambda raw: raw.update(chroma="1.0.0"), "chroma changed"),
    (lambda raw: raw.update(embedder="multilingual-e5-base"), "embedder changed"),
    (lambda raw: raw.pop("digest"), r"written by another version \(its manifest differs in digest\)"),
    (lambda raw: raw.update(sharding=4), r"written by another version \(its manifest differs in sharding\)"),
]


@pytest.mark.parametrize(("change", "reason"), OTHER_VERSIONS)
def test_index_of_another_version_is_rebuilt_with_the_reason_and_the_chat_answers_meanwhile(
    tmp_path: Path, change: Change, reason: str
) -> None:
    home = IndexHome(tmp_path / "index")
    old = home.build(ENTRIES, {}, HashEmbedder()).generation
    manifest = home.folder / old / "manifest.json"
    raw = json.loads(manifest.read_text("utf-8"))
    change(raw)
    manifest.write_text(json.dumps(raw), "utf-8")
    current = CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues())
    assert current.open()
    assert re.search(reason, current.notice)
    assert current.generation == SHIPPED
    assert len(current.retriever().index.entries) == len(ENTRIES)
    current.build()
    assert home.current == current.generation != old
    assert not CurrentIndex(home, ENTRIES, {}, HashEmbedder(), Cues()).open()


def test_manifest_of_another_version_names_what_differs(tmp_path: Path) -> None:
    home = IndexHome(tmp_path / "index")
    generation = home.build(ENTRIES, {}, HashEmbedder()).generation
    (home.folder / generation / "manifest.json").write_text('{"generation": "g-1", "entries": 5, "vectors": 2}')
    with pytest.raises(IndexError_, match="chroma, content, digest, embedder, schema, splitter, vectors"):
        home.open(generation)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("feedback_day = 5", "Unknown setting feedback_day in .* Is it meant to be feedback_days[?]"),
        ("retention_policy = 5", r"Unknown setting retention_policy in .* another version \(docs/OPERATE.md\)"),
    ],
)
def test_setting_of_another_version_is_refused_by_name(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "bot.toml").write_text(line)
    with pytest.raises(SettingsError, match=said):
        load_settings(tmp_path / "bot.toml")


def test_setting_of_another_version_in_the_environment_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_FEEDBACK_DAY", "5")
    with pytest.raises(SettingsError, match=r"BOT_FEEDBACK_DAY\. Is it meant to be BOT_FEEDBACK_DAYS\?"):
        load_settings()


def test_documents_of_another_version_are_told_by_doctor(tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "rules.md").write_text("# Rules\n\nEverybody keeps every promise that was made to a customer.\n", "utf-8")
    shelf = DocumentShelf(tmp_path / "documents")
    shelf.ingest([papers], lambda _: "en")
    (record,) = (tmp_path / "documents").glob("*.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "pages": 3}))
    assert shelf.unreadable == 1
    told = [finding for finding in examine(Parts(Settings(home=tmp_path))) if finding.name == "own documents"]
    assert [finding.good for finding in told] == [True, False]
    assert "another version" in told[1].value
    shelf.ingest([papers], lambda _: "en")
    assert shelf.unreadable == 0
    assert len(shelf.documents()) == 1
