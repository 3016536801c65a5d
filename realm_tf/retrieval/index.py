# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The index: maximum inner product search over the vectors of blocks: exact, ScaNN or `ivf`.

One interface over layers of TensorFlow Recommenders' kind. An exact index holds no files, it reads
the vectors; the files of the others are named after what they hold. Equal scores are ordered by
row. Searching one index gives the same rows always, but *building* one twice may give two, for
training is parallel and widths are chosen by time: what has to be replayed keeps the segment.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, config, types
from realm_tf.artifacts import gfile
from realm_tf.retrieval import (
    approximate,
    exact_layer,
    exact_search,
    gate,
    restricted_search,
    vectors,
)

KIND = "index"
DEFAULT_K = 100  # how deep an index is gated unless told otherwise

_MAX_BATCH = 64  # bounds the score matrix

SearchFn = Callable[[tf.Tensor, int], tuple[tf.Tensor, tf.Tensor]]


@dataclasses.dataclass(frozen=True)
class Index:
    """An index: finds the blocks whose vectors have the largest inner products with a query.

    Safe to search from several threads.

    Attributes:
      search_fn: Function (queries <float32>[batch_size, embed_dim], k) -> (scores, rows).
      table: The vectors that it is over.
      is_exact: Whether every search is exact.
    """

    search_fn: SearchFn
    table: vectors.VectorTable
    is_exact: bool

    @classmethod
    def open(cls, segment: artifacts.Segment | str, table: vectors.VectorTable) -> Index:
        """Opens an "index" segment over the vectors that it was built from.

        Raises:
          UserError: If it is damaged, or was built from other vectors.
        """
        if isinstance(segment, str):
            segment = artifacts.open_segment(segment, KIND, verify=False)
        artifacts.require_made_from(segment, table.segment)
        if segment.settings["backend"] == "exact":
            return exact(table)
        return _index_of_layer(approximate.open_layer(segment, table), table)

    @property
    def num_blocks(self) -> int:
        """Number of blocks in the index."""
        return len(self.table)

    @property
    def dim(self) -> int:
        """Size of a vector (embed_dim)."""
        return self.table.dim

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> types.RetrievedBlocks:
        """Searches the index for the best blocks of each query.

        An approximate index searches each k as wide as it was gated at the next depth; beyond the
        deepest, in proportion.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most the number of all blocks.
          allowed: <bool>[num_blocks] rows that may be found; None: all. See `restricted_search`.

        Returns:
          Best first, equal scores by row; -1 and -inf where an approximate index found fewer, or
          where fewer rows are allowed: among allowed rows k are found whenever there are k.

        Raises:
          UserError: If the queries have another size, or k is not positive.
        """
        queries = np.asarray(queries, np.float32)
        k = min(k, self.num_blocks)
        self.check(queries, k)
        if allowed is not None:
            return self._search_allowed(queries, k, allowed)
        starts = range(0, len(queries), _MAX_BATCH)
        parts = [self._search(queries[start : start + _MAX_BATCH], k) for start in starts]
        return parts[0] if len(parts) == 1 else exact_search.joined(parts, k)

    def _search_allowed(
        self, queries: np.ndarray, k: int, allowed: np.ndarray
    ) -> types.RetrievedBlocks:
        rows = np.flatnonzero(allowed)
        if self.is_exact:
            return exact_search.search_rows(queries, self.table, rows, k)
        return restricted_search.search(
            queries,
            k,
            find=self.search,
            num_rows=self.num_blocks,
            place_of=lambda found: np.where(allowed[found], found, -1),
            num_allowed=len(rows),
            exactly=lambda some: exact_search.search_rows(some, self.table, rows, k),
        )

    def check(self, queries: np.ndarray, k: int) -> None:
        """Refuses queries that it cannot search for; see `search`."""
        if queries.ndim != 2 or queries.shape[1] != self.dim:
            raise types.UserError(
                f"The index needs queries of shape [batch_size, {self.dim}]. Received:"
                f" {list(queries.shape)}. The query embedder is not the one of the blocks."
            )
        if not np.isfinite(queries).all():
            raise types.UserError(
                "A query's vector has infinite or undefined numbers: the embedder has diverged."
                " Take an earlier checkpoint, and lower the learning rate."
            )
        if k < 1:
            raise types.UserError(f"A search must ask for at least one block. Received: k={k}.")

    def _search(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        with tf.device("/CPU:0"):  # where the vectors are
            scores, rows = self.search_fn(tf.constant(queries), k)
        return _in_order(scores.numpy(), rows.numpy(), k)


def _in_order(scores: np.ndarray, rows: np.ndarray, k: int) -> types.RetrievedBlocks:
    # Nearly always all is well, and a search for one question takes less than what follows.
    falls = (scores[:, 1:] < scores[:, :-1]).all()
    if falls and scores.shape[1] == k and np.isfinite(scores[:, -1]).all():
        return types.RetrievedBlocks(rows.astype(np.int64), scores.astype(np.float32, copy=False))
    if scores.shape[1] < k:
        missing = ((0, 0), (0, k - scores.shape[1]))
        scores = np.pad(scores, missing, constant_values=-np.inf)
        rows = np.pad(rows, missing, constant_values=-1)
    found = np.isfinite(scores)  # ScaNN fills what it did not find with row 0 and NaN
    if not found.all():
        scores = np.where(found, scores, -np.inf)
        rows = np.where(found, rows, -1)
    order = np.lexsort((rows, -scores), axis=-1)
    return types.RetrievedBlocks(
        rows=np.take_along_axis(rows, order, axis=1).astype(np.int64, copy=False),
        scores=np.take_along_axis(scores, order, axis=1).astype(np.float32, copy=False),
    )


def exact(table: vectors.VectorTable) -> Index:
    """An exact index over vectors, which stay where they are mapped."""
    with tf.device("/CPU:0"):
        layer = exact_layer.ExactTopK(table)
    return Index(layer.call, table, is_exact=True)


def _index_of_layer(layer: gate.Layer, table: vectors.VectorTable) -> Index:
    """The Index of a trained layer: it searches with it, and exactly where it is not good enough.

    Args:
      layer: The layer, with the widths that it is searched at.
      table: The vectors that it was trained on.
    """
    exactly = exact(table).search_fn

    def search(queries: tf.Tensor, k: int) -> tuple[tf.Tensor, tf.Tensor]:
        width = layer.table.at(k)
        if width is None:
            return exactly(queries, k)
        return layer.search(queries, k, width)

    return Index(search, table, is_exact=False)


def build(
    root: str,
    segment: artifacts.Segment | str,
    retrieval: config.RetrievalConfig,
    *,
    k: int = DEFAULT_K,
    gates: Sequence[int] = (),
    queries: np.ndarray | None = None,
) -> artifacts.Segment:
    """Makes the segment of an `Index`, and measures its recall against exact search.

    Each depth is searched as wide as its recall needs; see `gate`. An index that is not good enough
    at any depth is replaced by an exact one, which the log and the segment's `counts["fallback"]`
    say.

    Args:
      root: Directory of segments.
      segment: The "vectors" segment, or its path.
      retrieval: Configuration of the index.
      k: The largest number of blocks that a search will ask for (exact indexes answer any).
      gates: Depths besides k at which the recall must reach the floor.
      queries: <float32>[batch_size, embed_dim] real queries to measure recall with; the default is
        an even sample of the blocks' own vectors, which are easier to find.

    Returns:
      The "index" segment; it is returned at once if it was made before.
    """
    table = vectors.VectorTable.open(segment)
    made_from = {"vectors": table.fingerprint}
    if whole := table.made_from.get(artifacts.PART_OF):
        made_from[artifacts.PART_OF] = whole
    settings: dict[str, Any] = {"index": retrieval.index}
    depths = sorted({min(depth, len(table)) for depth in (*gates, k)})
    if retrieval.index != "exact":
        options = ("num_leaves", "num_leaves_to_search", "num_reordering_candidates")
        settings |= {name: getattr(retrieval, name) for name in (*options, "recall_floor")}
        settings |= {"k": k, "gates": depths, "queries": "blocks"}
        if queries is not None:
            settings["queries"] = hashlib.sha256(queries.tobytes()).hexdigest()
    path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND, verify=False)
    gated = None
    if retrieval.index != "exact":
        gfile.makedirs(path)
        queries = vectors.sample(table) if queries is None else queries
        gated = approximate.build(table, retrieval, depths, queries, path)
        settings["recall"] = {str(depth): 1.0 for depth in depths}
    backend = "exact" if gated is None else retrieval.index
    settings |= {"backend": backend, **({} if gated is None else gated.settings())}
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    for name in [] if gated is None else gated.files:
        writer.add(name)
    return writer.commit(blocks=len(table), fallback=int(backend != retrieval.index))
