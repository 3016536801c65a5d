# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact maximum inner product search, without building anything, and how its results are joined."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from realm_tf import types

_PIECE_ROWS = 65_536
_MAX_BATCH = 64  # bounds the score matrix


Rows = np.ndarray | range


class _Vectors(Protocol):
    """What rows can be looked up in: `vectors.VectorTable`, or `layered_vectors.LayeredVectors`."""

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Vectors <float32>[n, embed_dim] of rows <int64>[n]."""


def search(
    queries: np.ndarray, pieces: Iterable[tuple[np.ndarray, np.ndarray]], k: int
) -> types.RetrievedBlocks:
    """Finds the vectors with the largest inner products.

    Args:
      queries: <float32>[batch_size, embed_dim].
      pieces: Row numbers <int64>[n] and vectors <float32>[n, embed_dim], piece by piece.
      k: How many to find, at most as many as there are.

    Returns:
      Best first, equal scores by row; -1 and -inf where there are fewer than k.
    """
    best = nothing(len(queries), k)
    for rows, vectors in pieces:
        scores = queries @ vectors.T
        if len(rows) > k:  # sorting k is cheaper than sorting all
            chosen = np.argpartition(-scores, k - 1, axis=1)[:, :k]
            bounds = np.take_along_axis(scores, chosen, axis=1).min(axis=1, keepdims=True)
            if (np.count_nonzero(scores >= bounds, axis=1) == k).all():
                found = types.RetrievedBlocks(
                    rows[chosen], np.take_along_axis(scores, chosen, axis=1)
                )
                best = merge([best, found], k)
                continue  # otherwise equal scores are at the border: the first rows count
        found = types.RetrievedBlocks(np.broadcast_to(rows, scores.shape), scores)
        best = merge([best, found], k)
    return best


def pieces(vectors: _Vectors, rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows <int64>[n] of vectors and their vectors, piece by piece, as `search` takes them.

    Args:
      vectors: Any vectors that rows can be looked up in.
      rows: The rows: an array, or a range.
    """
    for start in range(0, len(rows), _PIECE_ROWS):
        piece = np.asarray(rows[start : start + _PIECE_ROWS], np.int64)
        yield piece, vectors.gather(piece)


def search_rows(
    queries: np.ndarray, vectors: _Vectors, rows: Rows, k: int
) -> types.RetrievedBlocks:
    """As `search`, among some rows of vectors, for any number of queries.

    Args:
      queries: <float32>[batch_size, embed_dim].
      vectors: Any vectors that rows can be looked up in.
      rows: The rows: an array, or a range.
      k: How many to find.
    """
    starts = range(0, len(queries), _MAX_BATCH)
    batches = (queries[start : start + _MAX_BATCH] for start in starts)
    return joined([search(batch, pieces(vectors, rows), k) for batch in batches], k)


def joined(parts: Sequence[types.RetrievedBlocks], k: int) -> types.RetrievedBlocks:
    """Joins the results of searches, batch of queries by batch; each has k columns."""
    parts = [nothing(0, k), *parts]
    return types.RetrievedBlocks(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def merge(parts: Sequence[types.RetrievedBlocks], k: int) -> types.RetrievedBlocks:
    """The best k of results for the same queries, equal scores by row, padding last."""
    rows = np.concatenate([part.rows for part in parts], axis=1)
    scores = np.concatenate([part.scores for part in parts], axis=1).astype(np.float32, copy=False)
    order = np.lexsort((rows, -scores), axis=-1)[:, :k]
    return types.RetrievedBlocks(
        rows=np.take_along_axis(rows, order, axis=1),
        scores=np.take_along_axis(scores, order, axis=1),
    )


def nothing(batch_size: int, k: int) -> types.RetrievedBlocks:
    """The result of a search that finds nothing."""
    return types.RetrievedBlocks(
        rows=np.full((batch_size, k), -1, np.int64),
        scores=np.full((batch_size, k), -np.inf, np.float32),
    )
