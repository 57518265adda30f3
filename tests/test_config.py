"""Settings: where they come from and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import load_settings
from bot.errors import SettingsError


def test_command_line_beats_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bot.toml"
    file.write_text('port = 1111\nqueue = 3\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("BOT_PORT", "2222")
    monkeypatch.setenv("BOT_QUEUE", "5")
    settings = load_settings(file, port=3333)
    assert (settings.port, settings.queue, settings.host) == (3333, 5, "0.0.0.0")


@pytest.mark.parametrize("text", ["prot = 1", "port = 0", 'port = "x"', "port = ["])
def test_a_wrong_file_is_refused_with_the_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"port|prot|TOML"):
        load_settings(file)


def test_an_unknown_name_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_PROT", "1")
    with pytest.raises(SettingsError, match="BOT_PROT"):
        load_settings()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")


def test_home_moves_models_and_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_HOME", str(tmp_path))
    settings = load_settings()
    assert settings.models_dir == tmp_path / "models"
    assert settings.index_dir == tmp_path / "index"
