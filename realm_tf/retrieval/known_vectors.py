# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Vectors that are known of blocks by their ids, so that nobody embeds these blocks again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from realm_tf.retrieval import vectors


class Found(NamedTuple):
    """Vectors that are known of some blocks; see `find`.

    Attributes:
      places: <int64>[n] which of the blocks.
      vectors: <float32>[n, embed_dim].
    """

    places: np.ndarray
    vectors: np.ndarray

    def scattered(self, count: int, others: np.ndarray) -> np.ndarray:
        """<float32>[count, embed_dim] vectors of all blocks: these, and those of the others."""
        out = np.empty((count, others.shape[1]), np.float32)
        is_known = np.zeros(count, bool)
        is_known[self.places] = True
        out[~is_known] = others
        if len(self.places):
            out[self.places] = self.vectors
        return out


def find(paths: Sequence[str], block_ids: np.ndarray) -> Found:
    """Looks up the vectors of blocks by their ids.

    Args:
      paths: Paths of "vectors" segments. Of an id that is there several times, the last counts.
      block_ids: <uint64>[n] distinct ids.
    """
    order = np.argsort(block_ids)
    known: dict[int, np.ndarray] = {}
    for path in paths:
        table = vectors.VectorTable.open(path)
        rows = np.flatnonzero(np.isin(table.block_ids, block_ids))
        places = order[np.searchsorted(block_ids[order], table.block_ids[rows])]
        known |= zip(places.tolist(), table.gather(rows), strict=True)
    places = np.array(sorted(known), np.int64)
    return Found(places, np.array([known[place] for place in places.tolist()], np.float32))
