"""The sheet for works councils and data protection: it follows the settings, in every language, and the docs show the default."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

from bot.config import PREFIX, ROOT, Settings
from bot.errors import UsageError
from bot.privacy import Texts, load_texts, rows, sheet
from bot.retention import stores

LANGUAGES = sorted(path.parent.name for path in (ROOT / "data" / "languages").glob("*/privacy.yaml"))


@pytest.fixture(autouse=True)
def _defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


def texts(language: str = "en") -> Texts:
    return load_texts(Settings(), language)


def test_docs_show_the_default_sheet() -> None:
    """Otherwise: python run.py privacy --no-date > docs/PRIVACY.md"""
    assert (ROOT / "docs" / "PRIVACY.md").read_text("utf-8") == sheet(Settings(), texts())


def test_every_language_has_a_sheet() -> None:
    assert set(LANGUAGES) == {path.parent.name for path in (ROOT / "data" / "languages").glob("*/language.yaml")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_rows_and_placeholders(language: str) -> None:
    def fields(found: Texts) -> dict[str, set[str | None]]:
        cells = {f"{name}.{key}": text for name, row in found.rows.items() for key, text in row.model_dump().items()}
        return {name: {field for _, _, field, _ in Formatter().parse(text) if field} for name, text in cells.items()}

    assert fields(texts(language)) == fields(texts("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheet_names_what_is_set(language: str, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        feedback=True,
        feedback_days=37,
        model="https://user:hunter2@models.example:8443/v1",
        chroma_url="http://index.example:8001",
        metrics_from=("10.9.8.7",),
        limit_user=19,
        limit_address=61,
        user_header="X-Remote-User",
        hub="https://mirror.example",
    )
    told = sheet(settings, texts(language), date(2026, 11, 22))
    for named in (
        "37",
        "models.example:8443",
        "index.example:8001",
        "10.9.8.7",
        "19",
        "61",
        f"{tmp_path}/feedback",
        "mirror.example",
        "2026-11-22",
    ):
        assert named in told
    assert "hunter2" not in told
    assert "{" not in told


@pytest.mark.parametrize(
    ("changed", "row", "instead"),
    [
        ({"feedback": True}, "feedback_on", "feedback_off"),
        ({"model": "http://10.0.0.1:8000"}, "model_away", "model_here"),
        ({"model": "qwen3-4b"}, "model_here", "model_away"),
        ({"model": "http://10.0.0.1:8000"}, "network_away", "network"),
        ({"chroma_url": "http://10.0.0.5:8000"}, "network_away", "network"),
        ({"chroma_url": "http://10.0.0.5:8000"}, "model_here", "model_away"),
        ({"token_algorithm": "HS256"}, "identity_on", "identity_off"),
        ({"answer_cache": False}, "cache_off", "cache_on"),
        ({"metrics_from": ()}, "metrics_off", "metrics_on"),
    ],
)
def test_a_setting_changes_its_row(changed: dict[str, object], row: str, instead: str) -> None:
    found = rows(Settings.model_construct(**{**Settings().model_dump(), **changed}))
    assert row in found
    assert instead not in found


def test_every_store_of_people_has_its_row() -> None:
    assert {f"{store.name}_on" for store in stores(Settings())} <= set(texts().rows)


def test_language_without_a_sheet_is_told() -> None:
    with pytest.raises(UsageError, match="not there in 'xx'"):
        texts("xx")


def test_command_prints_it(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "run.py"), "privacy", "--lang", "nb"]
    environment = {**os.environ, "BOT_HOME": str(tmp_path), "BOT_FEEDBACK": "true", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment, check=True)
    assert done.stdout.startswith("# Hva Trust Coach lagrer")
    assert f"{tmp_path}/feedback" in done.stdout
