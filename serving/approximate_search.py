# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Approximate search in the served graph: an index over the base, and exact search in the deltas.

The index is searched at the widths that its gate found, deeper than asked for where blocks of the
base were deleted, and again, twice as deep, as long as a question has too few blocks; at last it
goes through everything.

Under a filter, each question is searched for alone, as deep as the share of the blocks that are
allowed asks for; once that is deeper than there are such blocks, these are scored exactly. It is
what `retrieval.restricted_search` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.retrieval import approximate, layered_vectors, tombstones, vectors
from realm_tf.retrieval import view as view_lib
from serving import chunks, exact_search

_SPARE = 16  # blocks that are fetched besides, so that a deleted one or two need no second search
_DEVIATIONS = 3
_MAX_SCORES = 1 << 26  # numbers held at a time where the search goes through everything: 256 MB


class ApproximateSearch(tf.Module):
    """Search with an index, whose lists and vectors are variables of the graph.

    Args:
      segment: The "index" segment, of ScaNN or `ivf`, over the base of the vectors.
      stored: Vectors of the blocks: of a base alone, or with deltas and without deleted rows.

    Attributes:
      num_rows: Number of vectors that can be found.
      release: What frees the searcher of a loaded export; None if nothing needs to be freed.

    Raises:
      UserError: If the index is damaged, was built from other vectors, or needs exact searches that
        it cannot make.
    """

    def __init__(self, segment: artifacts.Segment, stored: view_lib.Vectors):
        super().__init__(name="approximate_search")
        base, gone, added = _layers(stored)
        artifacts.require_same(
            "vectors",
            (segment.path, segment.made_from.get("vectors")),
            (base.path, base.fingerprint),
        )
        _require_exact_where_needed(segment, base)
        layer = approximate.open_layer(segment, base, as_variables=True)
        # The layer itself is kept out of the SavedModel, which would save Keras's own parts of it.
        self._find, self._held, self._among = layer.search, layer.held, layer.among
        self._widths_of = layer.table.in_graph
        self.release = layer.release
        self._segment = segment
        self.num_rows, self._dim = len(stored), base.dim
        self._num_base, self._spare = len(base), min(len(gone), _SPARE)
        self._num_kept = len(base) - len(gone)
        live = gone.to_live(np.arange(len(base)))
        live[gone.rows] = -1
        self._live = tf.Variable(live.astype(np.int32), trainable=False, name="live_row")
        self._added = None if added is None else exact_search.ExactSearch(added)

    def record(self) -> Mapping[str, Any]:
        """What the manifest of an export says: the index, and its recall by depth of the gate."""
        names = ("recall", "num_leaves", "widths")
        return {
            "index": self._segment.settings["backend"],
            "segment": self._segment.fingerprint,
            **{name: self._segment.settings[name] for name in names},
        }

    def __call__(
        self,
        query_emb: tf.Tensor,
        count: tf.Tensor | int,
        restriction: exact_search.Restriction | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `exact_search.ExactSearch`, of which it finds nearly all."""
        size = max(1, min(64, _MAX_SCORES // self._num_base))

        def search(queries: tf.Tensor, filters: tf.Tensor | None = None) -> tuple:
            allowed = None if restriction is None else restriction.allowed(filters)
            rows, scores = self._search(queries, count, allowed)
            return tf.cast(rows, tf.int64), scores

        inputs = [query_emb] if restriction is None else [query_emb, restriction.filters]
        rows, scores = chunks.apply(search, inputs, [tf.int64, tf.float32], size)
        return rows, scores

    def _search(
        self, queries: tf.Tensor, count: tf.Tensor | int, allowed: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The best rows <int32> of base and deltas, and their scores."""
        queries = tf.ensure_shape(queries, [None, self._dim])
        of_base = tf.minimum(count, self._num_kept)
        if allowed is None:
            rows, scores = self._search_base(queries, of_base)
        else:
            rows, scores = self._search_base_among(queries, of_base, allowed)
        if self._added is not None:
            among = None if allowed is None else allowed[:, self._num_kept :]
            of_added = tf.minimum(count, self._added.num_rows)
            more, of_more = self._added.search(queries, of_added, among)
            more = tf.where(more < 0, -1, tf.cast(more, tf.int32) + self._num_kept)
            rows, scores = tf.concat([rows, more], 1), tf.concat([scores, of_more], 1)
            rows, scores = _best(rows, scores, count)
        return rows, scores

    def _search_base(self, queries: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The best rows <int32> of the base that are there still, and their scores."""

        def look(depth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            rows, is_found, scores = self._look(queries, depth)
            live = tf.gather(self._live, rows)
            return depth, *_best(tf.where(is_found, live, -1), scores, count)

        def is_short(depth: tf.Tensor, rows: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
            # Deeper than the base, a search goes through everything.
            return tf.reduce_any(rows < 0) & (depth - self._spare <= self._num_base)

        first = look(tf.convert_to_tensor(count) + self._spare)
        _, rows, scores = tf.while_loop(
            is_short, lambda depth, *_: look(2 * depth), first, parallel_iterations=1
        )
        return rows, scores

    def _look(self, queries: tf.Tensor, depth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Rows of the base, of which places they are true, and their scores."""
        k = tf.minimum(depth, self._num_base)
        leaves, reordered = self._widths_of(depth - self._spare)
        scores, rows = self._find(queries, k, (leaves, tf.maximum(reordered, k)))
        is_found = tf.math.is_finite(scores)  # ScaNN fills up with row 0 and NaN
        return tf.where(is_found, rows, 0), is_found, scores

    def _search_base_among(
        self, queries: tf.Tensor, count: tf.Tensor, allowed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `_search_base`, among the rows that are allowed for each query."""
        is_live = self._live >= 0
        allowed = tf.gather(allowed, tf.where(is_live, self._live, 0), axis=1) & is_live
        return tf.map_fn(
            lambda one: self._search_one_among(one[0], one[1], count),
            (queries, allowed),
            fn_output_signature=(tf.TensorSpec([None], tf.int32), tf.TensorSpec([None])),
            parallel_iterations=1,
        )

    def _search_one_among(
        self, query: tf.Tensor, allowed: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The best rows <int32>[count] for a query, and their scores.

        Args:
          query: <float32>[embed_dim].
          allowed: Which rows of the base may be found, <bool>[num_base].
          count: Number of rows to find.
        """
        num_allowed = tf.math.count_nonzero(allowed, dtype=tf.int32)
        wanted = tf.minimum(count, num_allowed)

        def look(depth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            rows, scores = tf.cond(
                depth > num_allowed,
                lambda: self._exactly(query, allowed),
                lambda: self._sifted(query, allowed, depth),
            )
            return depth, *_best(rows, scores, count)

        _, rows, scores = tf.while_loop(
            lambda _, rows, __: tf.math.count_nonzero(rows >= 0, dtype=tf.int32) < wanted,
            lambda depth, *_: look(2 * depth),
            look(self._depth(wanted, num_allowed)),
            parallel_iterations=1,
        )
        return rows[0], scores[0]

    def _depth(self, wanted: tf.Tensor, num_allowed: tf.Tensor) -> tf.Tensor:
        """How deep to look, if allowed rows are spread evenly, so that most queries have enough."""
        share = tf.maximum(num_allowed, 1) / self._num_kept
        wanted = tf.cast(wanted, share.dtype)
        enough = (wanted + _DEVIATIONS * tf.sqrt(wanted * (1 - share))) / share
        spare = self._spare + tf.minimum(self._num_kept - num_allowed, _SPARE)
        return tf.cast(tf.math.ceil(enough), tf.int32) + spare

    def _exactly(self, query: tf.Tensor, allowed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows, values = self._among(allowed)
        return tf.gather(self._live, rows)[tf.newaxis], tf.linalg.matvec(values, query)[tf.newaxis]

    def _sifted(
        self, query: tf.Tensor, allowed: tf.Tensor, depth: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        rows, is_found, scores = self._look(query[tf.newaxis], depth)
        is_allowed = is_found & tf.gather(allowed, rows)
        return tf.where(is_allowed, tf.gather(self._live, rows), -1), scores


def _layers(
    stored: view_lib.Vectors,
) -> tuple[vectors.VectorTable, tombstones.Tombstones, view_lib.Vectors | None]:
    """The base, its rows that are deleted, and the vectors of the deltas, if there are some."""
    if isinstance(stored, vectors.VectorTable):
        return stored, tombstones.Tombstones(np.zeros(0, np.int64)), None
    base, *deltas = stored.layers
    gone = stored.tombstones.below(len(base))
    if len(stored) == len(base) - len(gone):
        return base, gone, None
    rest = tombstones.Tombstones(stored.tombstones.rows[len(gone) :] - len(base))
    added = layered_vectors.LayeredVectors(
        deltas, rest, blocks=stored.made_from["blocks"], fingerprint=stored.fingerprint
    )
    return base, gone, added


def _require_exact_where_needed(segment: artifacts.Segment, base: vectors.VectorTable) -> None:
    """Where no width is good enough, the graph goes through everything: with ScaNN all but int8."""
    depths = [k for k, width in segment.settings["widths"].items() if width is None]
    if depths and segment.settings["backend"] == "scann" and base.dtype == "int8":
        raise types.UserError(
            f"{segment.path} is under the recall floor at depth {depths[0]}, and ScaNN cannot"
            " search vectors of int8 exactly. Export with --index ivf or exact, or lower"
            " retrieval.recall_floor."
        )


def _best(rows: tf.Tensor, scores: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The `count` best, equal scores by row; -1 and -inf, last, where there are fewer.

    Args:
      rows: <int32>[batch_size, n]; -1 where there is none.
      scores: <float32>[batch_size, n].
      count: <int32>[].
    """
    padding = [[0, 0], [0, tf.maximum(count - tf.shape(rows)[1], 0)]]
    rows = tf.pad(rows, padding, constant_values=-1)
    scores = tf.where(rows < 0, -np.inf, tf.pad(scores, padding))
    by_row = tf.argsort(rows, axis=1)
    rows, scores = (tf.gather(x, by_row, batch_dims=1) for x in (rows, scores))
    scores, place = tf.math.top_k(scores, count)
    return tf.gather(rows, place, batch_dims=1), scores
