"""The catalogue that ships, and what is said of models that cannot be run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.config import ROOT
from bot.errors import KnowledgeError, ModelError, UsageError
from bot.llm.catalogue import Catalogue, HubSource, WheelSource, refuse_if_too_large

SHIPPED = ROOT / "data" / "models.yaml"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load(SHIPPED)


def changed(tmp_path: Path, **changes: object) -> Path:
    """The shipped catalogue's default model with some fields changed."""
    raw = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    name = next(name for name, entry in raw.items() if entry.get("default"))
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump({name: {**raw[name], **changes}}), encoding="utf-8")
    return path


def test_exactly_one_model_is_the_default(catalogue: Catalogue) -> None:
    assert [name for name, entry in catalogue.models.items() if entry.default] == [catalogue.default]
    assert catalogue.entry(catalogue.default).measured


def test_every_model_names_its_licence_its_bytes_and_a_source_at_a_hub(catalogue: Catalogue) -> None:
    for entry in catalogue.models.values():
        assert entry.licence == "Apache-2.0"
        assert entry.file.endswith(".gguf")
        assert entry.memory > entry.size
        assert any(isinstance(source, HubSource) for source in entry.sources)


def test_files_and_checksums_are_told_apart(catalogue: Catalogue) -> None:
    assert len({entry.file for entry in catalogue.models.values()}) == len(catalogue.models)
    assert len({entry.sha256 for entry in catalogue.models.values()}) == len(catalogue.models)


def test_wheels_hold_exactly_the_file(catalogue: Catalogue) -> None:
    for entry in catalogue.models.values():
        for source in entry.sources:
            if isinstance(source, WheelSource):
                assert (source.parts - 1) * source.part_size < entry.size <= source.parts * source.part_size
                assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", source.package(source.parts))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "abc"}, "sha256"),
        ({"sources": []}, "sources"),
        ({"colour": "blue"}, "colour"),
        ({"size": "large"}, "size"),
        ({"default": False}, "0 default models"),
    ],
)
def test_wrong_field_is_named(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = changed(tmp_path, **changes)
    with pytest.raises(KnowledgeError, match=said) as caught:
        Catalogue.load(path)
    assert str(path) in str(caught.value)


def test_two_defaults_are_refused(tmp_path: Path) -> None:
    path = changed(tmp_path)
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    (name,) = raw
    path.write_text(yaml.safe_dump({**raw, "other": raw[name]}), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="2 default models"):
        Catalogue.load(path)


@pytest.mark.parametrize("content", ["", "- a\n- b\n", "just words"])
def test_file_without_models_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KnowledgeError, match="holds no models"):
        Catalogue.load(path)


def test_unknown_name_gets_the_known_ones(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.entry("gpt-9")
    assert "'gpt-9'" in str(caught.value)
    assert all(name in str(caught.value) for name in catalogue.models)


def test_model_larger_than_the_memory_is_refused_with_both_numbers(catalogue: Catalogue) -> None:
    entry = catalogue.entry("eurollm-9b")
    with pytest.raises(ModelError) as caught:
        refuse_if_too_large("eurollm-9b", entry, memory=4_000_000_000)
    assert "10.0 GB" in str(caught.value)
    assert "4.0 GB" in str(caught.value)


def test_model_that_fits_exactly_is_not_refused(catalogue: Catalogue) -> None:
    entry = catalogue.entry(catalogue.default)
    refuse_if_too_large(catalogue.default, entry, memory=entry.memory)
