"""Vectors kept in files beside the cards, so that the first start need not embed thousands of phrasings.

Each vector is named by a hash of its text (`Entry.vector_key`): a changed text simply has no vector yet. Seven bits a
dimension with one scale a vector, compressed; the cosine to the exact vector is above 0.999. It knows nothing of entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bot.errors import KnowledgeError
from bot.knowledge.embedding import DIMENSIONS, EMBEDDER, Vectors

LEVELS = 63
"""Steps from zero to a vector's largest component."""


def save_vectors(path: Path, vectors: Mapping[int, Vectors]) -> None:
    """Writes vectors (each of shape (DIMENSIONS,)) by key."""
    keys = np.array(sorted(vectors), np.uint64)
    matrix = np.stack([vectors[int(key)] for key in keys])
    scale = np.abs(matrix).max(axis=1, keepdims=True) / LEVELS
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            keys=keys,
            scale=scale.astype(np.float32),
            vectors=np.round(matrix / scale).astype(np.int8),
            embedder=np.array(EMBEDDER),
        )


def load_vectors(folder: Path) -> dict[int, Vectors]:
    """All vectors of the languages' `vectors.npz`, normalised; those of another embedder are left out.

    Raises:
        KnowledgeError: a file is damaged.
    """
    found: dict[int, Vectors] = {}
    for path in sorted(folder.glob("*/vectors.npz")):
        try:
            with np.load(path, allow_pickle=False) as file:
                if str(file["embedder"]) != EMBEDDER:
                    continue
                matrix = file["vectors"].astype(np.float32) * file["scale"]
                keys = file["keys"].tolist()
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise KnowledgeError(f"{path} is damaged: {error}. Write it anew with: python run.py vectors.") from error
        if matrix.shape != (len(keys), DIMENSIONS):
            raise KnowledgeError(f"{path} holds shape {matrix.shape} for {len(keys)} keys. Write it anew with: python run.py vectors.")
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
        found.update(zip(keys, matrix, strict=True))
    return found
