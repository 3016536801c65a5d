# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Search over a base and what was changed since: one search, by live rows (see `tombstones`).

The base is searched with its index, deeper than asked for where rows of it were deleted; the deltas
are searched exactly. Where the base's index brings too few rows that are there still, which is seen
for each query, it is searched deeper, and at last exactly.
"""

from __future__ import annotations

import numpy as np

from realm_tf import types
from realm_tf.retrieval import exact_search, layered_vectors
from realm_tf.retrieval import index as index_lib

_SPARE = 16  # that are fetched besides, so that a deleted row or two need no second search
_MAX_BATCH = 64  # bounds the score matrix


class LayeredIndex:
    """An index over a base and deltas; several threads may search it.

    It has what `index.Index` has for those who search.

    Args:
      base: The index over the first layer of `vectors`.
      vectors: The vectors of all layers.
    """

    def __init__(self, base: index_lib.Index, vectors: layered_vectors.LayeredVectors):
        self._base = base
        self._vectors = vectors
        self._gone = vectors.tombstones.below(base.num_blocks)
        self._base_live = base.num_blocks - len(self._gone)

    @property
    def num_blocks(self) -> int:
        """Number of blocks that can be found."""
        return len(self._vectors)

    @property
    def dim(self) -> int:
        """Size of a vector (embed_dim)."""
        return self._base.dim

    def search(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        """Searches for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most the number of all blocks.

        Returns:
          Live rows, best first, equal scores by row; always k of them, if there are as many.

        Raises:
          UserError: As `index.Index.search`.
        """
        queries = np.asarray(queries, np.float32)
        k = min(k, self.num_blocks)
        found = self._search_base(queries, k)
        parts = [exact_search.nothing(0, k)]
        for start in range(0, len(queries), _MAX_BATCH):
            here = slice(start, start + _MAX_BATCH)
            deltas = self._vectors.pieces(self._base_live, self.num_blocks)
            added = exact_search.search(queries[here], deltas, k)
            of_base = types.RetrievedBlocks(found.rows[here], found.scores[here])
            parts.append(exact_search.merge(of_base, added, k))
        return types.RetrievedBlocks(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _search_base(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        """The best k of the base, or all of it, padded to k."""
        wanted = min(k, self._base_live)
        limit = self._base.num_blocks
        depth = min(wanted + min(len(self._gone), _SPARE), limit)
        found = exact_search.nothing(len(queries), k)
        if not wanted or not len(queries):
            return found
        short = np.arange(len(queries))
        while len(short):
            part = self._live_of_base(queries[short], depth, k)
            found.rows[short], found.scores[short] = part.rows, part.scores
            short = short[np.count_nonzero(part.rows >= 0, axis=1) < wanted]
            if depth >= limit:
                break
            depth = min(2 * depth, limit)
        if len(short):
            part = self._exact_in_base(queries[short], k)
            found.rows[short], found.scores[short] = part.rows, part.scores
        return found

    def _live_of_base(self, queries: np.ndarray, depth: int, k: int) -> types.RetrievedBlocks:
        """What the base's index finds at a depth and is there still."""
        found = self._base.search(queries, depth)
        lost = (found.rows < 0) | self._gone.contain(found.rows)
        live = types.RetrievedBlocks(
            rows=np.where(lost, -1, self._gone.to_live(found.rows)),
            scores=np.where(lost, np.float32(-np.inf), found.scores),
        )
        return exact_search.merge(live, exact_search.nothing(len(queries), k), k)

    def _exact_in_base(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        parts = [
            exact_search.search(
                queries[start : start + _MAX_BATCH], self._vectors.pieces(0, self._base_live), k
            )
            for start in range(0, len(queries), _MAX_BATCH)
        ]
        return types.RetrievedBlocks(*(np.concatenate(part) for part in zip(*parts, strict=True)))
