# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The index: maximum inner product search over the vectors of blocks, exact or with ScaNN.

One interface over the layers of TensorFlow Recommenders (`factorized_top_k`). An exact index
holds no files, it reads the vectors; a ScaNN index is a SavedModel. Equal scores are ordered by
row. Searching one index gives the same rows always, but *building* ScaNN twice may give two, for
its training is parallel: what has to be replayed keeps the segment.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_recommenders.layers import factorized_top_k

from realm_tf import artifacts, config, types
from realm_tf.retrieval import recall, scann_layer, vectors

KIND = "index"
DEFAULT_K = 100  # how deep an index can be searched unless told otherwise

_MAX_BRUTE_FORCE_ROWS = 1_000_000  # beyond, the scores of a batch are computed piece by piece
_STREAMING_ROWS = 65_536
_MAX_BATCH = 64  # bounds the score matrix
_RECALL_QUERIES = 256

_LOGGER = logging.getLogger(__name__)

SearchFn = Callable[[tf.Tensor, tf.Tensor], Any]


@dataclasses.dataclass(frozen=True)
class Index:
    """An index: finds the blocks whose vectors have the largest inner products with a query.

    Safe to search from several threads.

    Attributes:
      search_fn: Function (queries <float32>[batch_size, embed_dim], k <int32>[]) -> (scores, rows).
      num_blocks: Number of blocks in the index.
      dim: Size of a vector (embed_dim).
      max_k: The largest number of blocks that a search can return.
      keep_alive: Objects that `search_fn` needs and does not hold itself.
    """

    search_fn: SearchFn
    num_blocks: int
    dim: int
    max_k: int
    keep_alive: Any = None

    @classmethod
    def open(cls, segment: artifacts.Segment | str, table: vectors.VectorTable) -> Index:
        """Opens an "index" segment over the vectors that it was built from.

        Raises:
          UserError: If it is damaged, or was built from other vectors.
        """
        if isinstance(segment, str):
            segment = artifacts.open_segment(segment, KIND, verify=False)
        artifacts.require_same(
            "vectors",
            (segment.path, segment.made_from.get("vectors")),
            (table.segment.path, table.segment.fingerprint),
        )
        if segment.settings["backend"] == "exact":
            return exact(table)
        with artifacts.plain_path(segment.file(artifacts.SAVED_MODEL)) as directory:
            loaded = tf.saved_model.load(directory)
        max_k = segment.settings["num_reordering_candidates"] // 2
        return _scann_index(loaded, table, max_k)

    def search(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        """Searches the index for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most the number of all blocks.

        Returns:
          Best first, equal scores by row; -1 and -inf where ScaNN found fewer.

        Raises:
          UserError: If the queries have another size, or k is deeper than the index was built for.
        """
        queries = np.asarray(queries, np.float32)
        k = min(k, self.num_blocks)
        self._check(queries, k)
        starts = range(0, len(queries), _MAX_BATCH)
        parts = [self._search(queries[start : start + _MAX_BATCH], k) for start in starts]
        return types.RetrievedBlocks(
            rows=np.concatenate([np.zeros((0, k), np.int64), *(part.rows for part in parts)]),
            scores=np.concatenate([np.zeros((0, k), np.float32), *(part.scores for part in parts)]),
        )

    def _check(self, queries: np.ndarray, k: int) -> None:
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
        if not 1 <= k <= self.max_k:
            raise types.UserError(
                f"The index answers searches of 1 to {self.max_k} blocks. Received: k={k}. Build it"
                " with a larger k, or use retrieval.index=exact."
            )

    def _search(self, queries: np.ndarray, k: int) -> types.RetrievedBlocks:
        scores, rows = self.search_fn(tf.constant(queries), tf.constant(k, tf.int32))
        return _in_order(scores.numpy(), rows.numpy(), k)


def _in_order(scores: np.ndarray, rows: np.ndarray, k: int) -> types.RetrievedBlocks:
    missing = ((0, 0), (0, k - scores.shape[1]))
    scores = np.pad(scores, missing, constant_values=-np.inf)
    rows = np.pad(rows, missing, constant_values=-1)
    found = np.isfinite(scores)  # ScaNN fills what it did not find with row 0 and NaN
    scores = np.where(found, scores, -np.inf).astype(np.float32)
    rows = np.where(found, rows, -1).astype(np.int64)
    order = np.lexsort((rows, -scores), axis=-1)
    return types.RetrievedBlocks(
        rows=np.take_along_axis(rows, order, axis=1),
        scores=np.take_along_axis(scores, order, axis=1),
    )


class _Searcher(tf.Module):
    """A TFRS search layer as a function with one trace for all batch sizes and all k.

    `layer.call` and not `layer()`: under a mixed precision policy Keras would cast the queries.
    """

    def __init__(self, layer: factorized_top_k.TopK, dim: int):
        super().__init__()
        self.layer = layer
        signature = [tf.TensorSpec([None, dim], tf.float32), tf.TensorSpec([], tf.int32)]
        self.search = tf.function(layer.call, input_signature=signature)


def exact(table: vectors.VectorTable, *, max_rows_in_memory: int = _MAX_BRUTE_FORCE_ROWS) -> Index:
    """Makes an exact index: one matrix product in memory, or over memory-mapped shards in pieces.

    Args:
      table: Vectors of the blocks.
      max_rows_in_memory: Largest number of vectors that are copied into memory; more are read piece
        by piece.
    """
    with tf.device("/CPU:0"):
        if len(table) <= max_rows_in_memory:
            layer = factorized_top_k.BruteForce().index(tf.constant(table.load()))
        else:
            layer = factorized_top_k.Streaming().index_from_dataset(_stream(table))
    searcher = _Searcher(layer, table.dim)
    return Index(
        searcher.search,
        num_blocks=len(table),
        dim=table.dim,
        max_k=len(table),
        keep_alive=searcher,
    )


def _stream(table: vectors.VectorTable) -> tf.data.Dataset:

    def read(start: np.int64, limit: np.int64) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(start, limit)
        return rows, table.gather(rows)

    def load(start: tf.Tensor, limit: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows, values = tf.numpy_function(read, [start, limit], [tf.int64, tf.float32])
        return tf.ensure_shape(rows, [None]), tf.ensure_shape(values, [None, table.dim])

    bounds = np.array(list(table.chunks(_STREAMING_ROWS)), np.int64)
    return tf.data.Dataset.from_tensor_slices((*bounds.T,)).map(load).prefetch(1)


def scann(table: vectors.VectorTable, settings: scann_layer.ScannSettings) -> Index:
    """Builds a ScaNN index of vectors in memory."""
    searcher = _Searcher(_train_scann(table, settings), table.dim)
    return _scann_index(searcher, table, settings.num_reordering_candidates // 2)


def _train_scann(
    table: vectors.VectorTable, settings: scann_layer.ScannSettings
) -> scann_layer.ScannTopK:
    with tf.device("/CPU:0"):
        return scann_layer.ScannTopK(settings).index(tf.constant(table.load()))


def _scann_index(searcher: Any, table: vectors.VectorTable, max_k: int) -> Index:
    return Index(
        searcher.search,
        num_blocks=len(table),
        dim=table.dim,
        max_k=max_k,
        keep_alive=searcher,
    )


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

    A ScaNN index whose recall at one of its depths stays under its `recall_floor` after its search
    was widened is replaced by an exact one, which the log and the segment's `counts["fallback"]`
    say.

    Args:
      root: Directory of segments.
      segment: The "vectors" segment, or its path.
      retrieval: Configuration of the index.
      k: The largest number of blocks that a search will ask for (exact indexes answer any).
      gates: Depths besides k at which the recall must reach the floor.
      queries: <float32>[batch_size, embed_dim] real queries to measure recall with; the default is
        an even sample of the blocks' own vectors.

    Returns:
      The "index" segment; it is returned at once if it was made before.
    """
    table = vectors.VectorTable.open(segment)
    if queries is None:
        queries = _sample(table)
    depths = sorted({min(depth, len(table)) for depth in (*gates, k)})
    made_from = {"vectors": table.segment.fingerprint}
    settings: dict[str, Any] = {"index": retrieval.index}
    if retrieval.index == "scann":
        options = ("num_leaves", "num_leaves_to_search", "num_reordering_candidates")
        settings |= {name: getattr(retrieval, name) for name in (*options, "recall_floor")}
        settings |= {"k": k, "gates": depths}
        settings |= {"queries": hashlib.sha256(queries.tobytes()).hexdigest()}
    path = artifacts.recipe_path(root, KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND, verify=False)
    is_gated = retrieval.index == "scann"
    good = _good_scann(table, retrieval, k, depths, queries) if is_gated else None
    perfect = {str(depth): 1.0 for depth in depths} if is_gated else {}
    settings |= {"backend": "exact", "recall": perfect} if good is None else good[1]
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    if good is not None:
        _save(good[0], writer)
    return writer.commit(blocks=len(table), fallback=int(settings["backend"] != retrieval.index))


def _sample(table: vectors.VectorTable) -> np.ndarray:
    count = min(len(table), _RECALL_QUERIES)
    return table.gather(np.linspace(0, len(table) - 1, count).astype(np.int64))


def _good_scann(
    table: vectors.VectorTable,
    retrieval: config.RetrievalConfig,
    k: int,
    depths: Sequence[int],
    queries: np.ndarray,
) -> tuple[_Searcher, dict[str, Any]] | None:
    """A ScaNN searcher at or above the recall floor, and what it took; None if there is none."""
    if len(table) < scann_layer.MIN_BLOCKS:
        _LOGGER.warning(
            "ScaNN needs at least %d blocks: building an exact index", scann_layer.MIN_BLOCKS
        )
        return None
    first = scann_layer.choose(len(table), k, retrieval)
    layer = _train_scann(table, first)
    chosen: scann_layer.ScannSettings | None = first
    while chosen is not None:
        layer.settings = chosen
        searcher = _Searcher(layer, table.dim)
        index = _scann_index(searcher, table, chosen.num_reordering_candidates // 2)
        found = {str(d): recall.index_recall(index, table, queries, d) for d in depths}
        _LOGGER.info("ScaNN with %s: recall %s", chosen, found)
        if min(found.values()) >= retrieval.recall_floor:
            return searcher, {"backend": "scann", "recall": found, **dataclasses.asdict(chosen)}
        chosen = chosen.wider()
    worst = min(found, key=lambda depth: found[depth])
    _LOGGER.warning(
        "recall@%s of ScaNN stays at %.3f, under retrieval.recall_floor=%g:"
        " building an exact index",
        worst, found[worst], retrieval.recall_floor,
    )  # fmt: skip
    return None


def _save(searcher: _Searcher, writer: artifacts.SegmentWriter) -> None:
    options = tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])
    target = os.path.join(writer.path, artifacts.SAVED_MODEL)
    if tf.io.gfile.exists(target):
        tf.io.gfile.rmtree(target)  # of a run that was killed
    tf.saved_model.save(searcher, target, options=options)
    writer.add_tree(artifacts.SAVED_MODEL)
