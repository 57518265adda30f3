"""Measured settings on disk: kept by machine and model, and never in the way of a start."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bot.assemble import Parts, available_threads
from bot.config import Settings
from bot.llm.tuning import Tuning, load_tuning, machine_key, save_tuning

TUNING = Tuning(threads=3, slice=128, flash=True, repack=True)


def test_what_was_saved_is_loaded_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "home" / "tuning.json"
    save_tuning(path, "one", TUNING)
    save_tuning(path, "two", replace(TUNING, threads=1))
    assert load_tuning(path, "one") == TUNING
    assert load_tuning(path, "two") == replace(TUNING, threads=1)
    assert load_tuning(path, "three") is None


def test_no_file_is_no_tuning_and_no_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load_tuning(tmp_path / "tuning.json", "one") is None
    assert not caplog.records


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '"one"',
        '{"one": 3}',
        '{"one": {}}',
        '{"one": {"threads": "many", "slice": 128, "flash": false, "repack": false}}',
        '{"one": {"threads": 0, "slice": 128, "flash": false, "repack": false}}',
        '{"one": {"threads": 2, "slice": 7, "flash": false, "repack": false}}',
    ],
)
def test_broken_file_is_ignored_with_a_line_and_written_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    path = tmp_path / "tuning.json"
    path.write_text(content, encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert load_tuning(path, "one") is None
    assert len(caplog.records) == 1
    save_tuning(path, "one", TUNING)
    assert load_tuning(path, "one") == TUNING


def test_key_tells_processor_model_and_library(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"abc")
    key = machine_key(model, 2)
    model.write_bytes(b"abcd")
    assert len({key, machine_key(model, 2), machine_key(model, 3)}) == 3
    assert "llama-cpp-python" in key


def test_models_process_gets_the_measured_settings_and_a_set_number_of_threads_goes_first(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"abc")
    settings = Settings(home=tmp_path)
    assert Parts(settings).tuning(model) == Tuning(available_threads())
    settings.tuning_file.write_text(json.dumps({machine_key(model, available_threads()): asdict(TUNING)}), encoding="utf-8")
    assert Parts(settings).tuning(model) == TUNING
    assert Parts(settings.model_copy(update={"threads": 1})).tuning(model) == replace(TUNING, threads=1)
