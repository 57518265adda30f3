"""Ranking classes: the classifier, and its solved weights kept in a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.assemble import RANKINGS, Parts
from bot.errors import KnowledgeError
from bot.knowledge.embedding import Vectors
from bot.knowledge.index import Index
from bot.ranking import Ranking, load_weights, save_weights
from bot.retrieve import Retriever

OWNERS = ["north"] * 5 + ["south"] * 5


def examples() -> Vectors:
    random = np.random.default_rng(1)
    towards = np.repeat([[1.0, 0, 0, 0], [0, 1.0, 0, 0]], 5, axis=0)
    vectors = towards + 0.1 * random.standard_normal(towards.shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def fitted(solved: dict[str, Vectors] | None = None, ids: str = "abcdefghij") -> Ranking:
    return Ranking.fit(examples(), OWNERS, 2, 1.0, 0.0, list(ids), solved)


def test_a_vector_gets_the_class_whose_examples_it_resembles() -> None:
    assert fitted().best(np.array([0.9, 0.1, 0, 0], np.float32), {})[0] == "north"
    assert fitted().best(np.array([0.1, 0.9, 0, 0], np.float32), {})[0] == "south"


def test_a_bias_can_turn_a_close_decision() -> None:
    between = np.array([0.72, 0.69, 0, 0], np.float32)
    assert fitted().best(between, {})[0] == "north"
    assert fitted().best(between, {"south": 5.0})[0] == "south"


def test_solved_weights_survive_the_file_and_are_used(tmp_path: Path) -> None:
    path = tmp_path / "rankings.npz"
    save_weights(path, [fitted()])
    solved = load_weights(path)
    assert np.allclose(fitted(solved).weights, fitted().weights, atol=2e-3)
    doubled = {key: 2 * weights for key, weights in solved.items()}
    assert np.allclose(fitted(doubled).weights, 2 * fitted(solved).weights)


def test_weights_of_other_examples_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "rankings.npz"
    save_weights(path, [fitted()])
    other = {key: 0 * weights for key, weights in load_weights(path).items()}
    assert np.abs(fitted(other, ids="abcdefghix").weights).max() > 0


def test_a_missing_file_means_nothing_is_solved_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rankings.npz"
    assert load_weights(path) == {}
    save_weights(path, [fitted()])
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(KnowledgeError, match=r"rankings\.npz is damaged.*run\.py vectors"):
        load_weights(path)


def test_the_shipped_weights_fit_the_shipped_texts_and_rank_as_freshly_solved_ones(parts: Parts) -> None:
    solved = load_weights(parts.settings.data / RANKINGS)
    retriever = parts.index.retriever()
    assert {ranking.key for ranking in retriever.rankings} == set(solved), "the rankings are out of date: python run.py vectors"
    rows = list(range(0, len(retriever.index.entries), 50))
    backwards = Index("same", [retriever.index.entries[row] for row in rows][::-1], retriever.index.vectors[rows][::-1])
    straight = Index("same", [retriever.index.entries[row] for row in rows], retriever.index.vectors[rows])
    keys = [[ranking.key for ranking in Retriever.over(index, retriever.embedder).rankings] for index in (backwards, straight)]
    assert keys[0] == keys[1], "the order of the entries must not matter"
