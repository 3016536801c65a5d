# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Search over a base and what was changed since: one search, by live rows (see `tombstones`).

The base is searched with its index, among the rows that are there still (`restricted_search`); the
deltas are searched exactly.
"""

from __future__ import annotations

import numpy as np

from realm_tf import types
from realm_tf.retrieval import exact_search, layered_vectors, restricted_search
from realm_tf.retrieval import index as index_lib


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

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> types.RetrievedBlocks:
        """Searches for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most the number of all blocks.
          allowed: <bool>[num_blocks] live rows that may be found; None: all.

        Returns:
          Live rows, best first, equal scores by row; always k of them, if there are as many that
          are allowed.

        Raises:
          UserError: As `index.Index.search`.
        """
        queries = np.asarray(queries, np.float32)
        k = min(k, self.num_blocks)
        self._base.check(queries, k)
        of_deltas: exact_search.Rows = range(self._base_live, self.num_blocks)
        if allowed is not None:
            of_deltas = self._base_live + np.flatnonzero(allowed[self._base_live :])
        found = self._search_base(queries, k, allowed)
        added = exact_search.search_rows(queries, self._vectors, of_deltas, k)
        return exact_search.merge([found, added], k)

    def _search_base(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None
    ) -> types.RetrievedBlocks:
        """The best k of the base, or all of it, padded to k."""
        rows: exact_search.Rows = range(self._base_live)
        if allowed is not None:
            rows = np.flatnonzero(allowed[: self._base_live])

        def exactly(some: np.ndarray) -> types.RetrievedBlocks:
            return exact_search.search_rows(some, self._vectors, rows, k)

        def place_of(found: np.ndarray) -> np.ndarray:
            there = ~self._gone.contain(found)
            live = np.where(there, self._gone.to_live(found), -1)
            if allowed is not None:
                there &= allowed[np.where(there, live, 0)]
            return np.where(there, live, -1)

        if allowed is not None and self._base.is_exact:
            return exactly(queries)
        return restricted_search.search(
            queries,
            k,
            find=self._base.search,
            num_rows=self._base.num_blocks,
            place_of=place_of,
            num_allowed=len(rows),
            exactly=exactly,
        )
