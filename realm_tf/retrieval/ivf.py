# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The inverted-file search layer `ivf`: a coarse quantiser, gather and matmul, in core ops alone.

Vectors are divided among leaves by k-means (scikit-learn's) and stored leaf by leaf. A search
scores the centres, then all vectors of the best leaves, exactly. It needs no op library, so an
unmodified TensorFlow Serving can search millions of blocks with it.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow_recommenders.layers import factorized_top_k

from realm_tf import artifacts
from realm_tf.retrieval import vectors, widths

MIN_BLOCKS = 2

_TRAINED_PER_LEAF = 64
_ITERATIONS = 10
_CHUNK_ROWS = 16_384


class Lists(NamedTuple):
    """The vectors, leaf by leaf: arrays, tensors or variables.

    Attributes:
      centres: Centres of the leaves, <float32>[num_leaves, embed_dim].
      offsets: Where every leaf starts in the lists below, and where the last ends,
        <int32>[num_leaves + 1].
      rows: Row of every vector in the table, <int32>[num_blocks].
      values: The vectors as they are stored, <float32|float16|int8>[num_blocks, embed_dim].
      scales: Their scales <float32>[num_blocks] if they are int8; otherwise <float32>[0].
    """

    centres: Any
    offsets: Any
    rows: Any
    values: Any
    scales: Any


class IvfTopK(factorized_top_k.TopK):
    """An inverted-file layer, as the layers of TFRS.

    `call` and `search` may be put into a SavedModel, if the lists are variables.

    Args:
      lists: The vectors, leaf by leaf, as tensors or variables.
      table: The widths by depth that `call` searches with.
    """

    def __init__(self, lists: Lists, table: widths.WidthTable):
        super().__init__(k=1)
        self._lists = lists
        self.table = table
        self.num_leaves = int(lists.centres.shape[0])
        dim = lists.centres.shape[1]
        number = tf.TensorSpec([], tf.int32)
        signature = [tf.TensorSpec([None, dim], tf.float32), number, number]
        self._search = tf.function(
            self._search_at_width, input_signature=signature, autograph=False
        )

    @classmethod
    def of_arrays(
        cls, lists: Lists, table: widths.WidthTable, *, as_variables: bool = False
    ) -> IvfTopK:
        """Makes the layer of arrays.

        Args:
          lists: The vectors, leaf by leaf, as arrays; mapped ones stay mapped.
          table: The widths by depth that `call` searches with.
          as_variables: Whether they are copied to variables, so that the layer may be put into a
            SavedModel.
        """
        with tf.device("/CPU:0"):
            tensors = [vectors.as_tensor(np.asarray(array)) for array in lists]
            if as_variables:
                tensors = [tf.Variable(tensor, trainable=False) for tensor in tensors]
        return cls(Lists(*tensors), table)

    @property
    def held(self) -> Lists:
        """The lists: to be a part of the module that is saved, if they are variables."""
        return self._lists

    @property
    def release(self) -> None:
        """Nothing needs to be freed when a SavedModel is not used again."""

    def index(self, candidates: tf.Tensor, identifiers: tf.Tensor | None = None) -> Any:
        """Not used: lists are given when the layer is made; see `build`."""
        raise NotImplementedError("IvfTopK searches the lists that it is made with.")

    def search(
        self, queries: tf.Tensor, k: Any, width: widths.Width | tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, <int32>[].
          width: How wide to search, in numbers or tensors <int32>[].

        Returns:
          Scores <float32>[batch_size, k], best first, and rows <int32>[batch_size, k]; -inf and -1
          where the leaves hold fewer blocks.
        """
        return self._search(queries, *(tf.convert_to_tensor(x, tf.int32) for x in (k, width[0])))

    def among(self, allowed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The blocks that are allowed, <bool>[num_blocks], to be scored exactly.

        Returns:
          Rows <int32>[n] and vectors <float32>[n, embed_dim].
        """
        lists = self._lists
        places = tf.where(tf.gather(allowed, lists.rows))[:, 0]
        values = tf.cast(tf.gather(lists.values, places), tf.float32)
        if lists.scales.shape[0]:
            values *= tf.gather(lists.scales, places)[:, tf.newaxis]
        return tf.gather(lists.rows, places), values

    def call(self, queries: tf.Tensor, k: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """As `search`, with the width that the table has for k <int32>[]."""
        k = tf.convert_to_tensor(k)
        return self._search(queries, k, self.table.in_graph(k)[0])

    def is_exact(self) -> bool:
        """Whether the layer returns exact results."""
        return False

    def _search_at_width(
        self, queries: tf.Tensor, k: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cond(
            (count < self.num_leaves) & (tf.shape(queries)[0] > 0),  # a map needs an element
            lambda: self._search_leaves(queries, k, count),
            lambda: self._search_all(queries, k),
        )

    def _search_all(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One product with all vectors, none of which is gathered."""
        lists = self._lists
        scales = lists.scales if lists.scales.shape[0] else None
        return _best(vectors.inner_products(queries, lists.values, scales), lists.rows, k)

    def _search_leaves(
        self, queries: tf.Tensor, k: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        near = tf.matmul(queries, self._lists.centres, transpose_b=True)
        leaves = tf.math.top_k(near, count, sorted=False).indices
        return tf.map_fn(
            lambda one: self._search_one(one[0], one[1], k),
            (queries, leaves),
            fn_output_signature=(
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([None], tf.int32),
            ),
        )

    def _search_one(
        self, query: tf.Tensor, leaves: tf.Tensor, k: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The best k blocks of a query in some leaves: scores <float32>[k] and rows <int32>[k]."""
        lists = self._lists
        starts, limits = tf.gather(lists.offsets, leaves), tf.gather(lists.offsets, leaves + 1)
        places = tf.ragged.range(starts, limits).flat_values
        values = tf.cast(tf.gather(lists.values, places), tf.float32)
        scores = tf.linalg.matvec(values, query)
        if lists.scales.shape[0]:
            scores *= tf.gather(lists.scales, places)
        return _best(scores, tf.gather(lists.rows, places), k)


def _best(scores: tf.Tensor, rows: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The best k of scores <float32>[..., n] and their rows <int32>[n], padded with -inf and -1."""
    missing = tf.maximum(k - tf.size(rows), 0)
    best, found = tf.math.top_k(scores, k - missing)
    rows, padding = tf.gather(rows, found), [*[[0, 0]] * (scores.shape.rank - 1), [0, missing]]
    return (
        tf.pad(best, padding, constant_values=-math.inf),
        tf.pad(rows, padding, constant_values=-1),
    )


def default_leaves(num_blocks: int) -> int:
    """About 4 sqrt(N) leaves, of at least 8 blocks."""
    return max(1, min(round(4 * math.sqrt(num_blocks)), num_blocks // 8))


def train(table: vectors.VectorTable, num_leaves: int, folder: str) -> tuple[IvfTopK, list[str]]:
    """Divides vectors among leaves and writes the lists; the widths are still to be found.

    Args:
      table: Vectors of the blocks, read in pieces.
      num_leaves: Number of leaves.
      folder: Directory for the files.

    Returns:
      The layer, and the names of its files.
    """
    centres = _train_centres(table, num_leaves)
    offsets, rows = _order(_assign(table, centres), num_leaves)
    small = {"centres": centres, "offsets": offsets, "rows": rows}
    for name, array in small.items():
        artifacts.write_array(_path(folder, name), array)
    scales = np.zeros(len(rows) if table.dtype == "int8" else 0, np.float32)
    artifacts.write_pieces(
        _path(folder, "values"),
        _ordered(table, rows, scales),
        (len(rows), table.dim),
        table.dtype,
    )
    artifacts.write_array(_path(folder, "scales"), scales)
    arrays = {name: artifacts.map_array(_path(folder, name)) for name in Lists._fields}
    return open_arrays(arrays, table, num_leaves), [f"{name}.npy" for name in Lists._fields]


def open_arrays(
    arrays: Mapping[str, np.ndarray],
    table: vectors.VectorTable,
    num_leaves: int,
    *,
    as_variables: bool = False,
) -> IvfTopK:
    """Opens the layer over the vectors of a table, from its files' arrays by name."""
    everything = widths.Width(num_leaves)
    lists = Lists(*(arrays[name] for name in Lists._fields))
    found = widths.WidthTable({len(table): everything}, everything)
    return IvfTopK.of_arrays(lists, found, as_variables=as_variables)


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.npy")


def _train_centres(table: vectors.VectorTable, num_leaves: int) -> np.ndarray:
    """Centres <float32>[num_leaves, embed_dim] of the leaves, by k-means of an even sample."""
    from sklearn import cluster, exceptions  # takes a second, and only builds need it

    count = min(len(table), _TRAINED_PER_LEAF * num_leaves)
    sample = table.gather(np.linspace(0, len(table) - 1, count).astype(np.int64))
    means = cluster.KMeans(
        num_leaves, init="random", n_init=1, max_iter=_ITERATIONS, random_state=0
    )
    with warnings.catch_warnings():  # equal vectors, or a few iterations: both may well be
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        return means.fit(sample).cluster_centers_.astype(np.float32)


def _assign(table: vectors.VectorTable, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of every vector, <int32>[num_blocks]."""
    lengths = 0.5 * np.square(centres).sum(axis=1)
    leaf = np.empty(len(table), np.int32)
    for start, limit in table.chunks(_CHUNK_ROWS):
        leaf[start:limit] = (table.read(start, limit) @ centres.T - lengths).argmax(axis=1)
    return leaf


def _order(leaf: np.ndarray, num_leaves: int) -> tuple[np.ndarray, np.ndarray]:
    """`Lists.offsets` and `Lists.rows`: rows ordered by leaf, and by row in a leaf."""
    rows = np.argsort(leaf, kind="stable").astype(np.int32)
    sizes = np.bincount(leaf, minlength=num_leaves)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32), rows


def _ordered(
    table: vectors.VectorTable, rows: np.ndarray, scales: np.ndarray
) -> Iterator[np.ndarray]:
    """The stored vectors of rows, piece by piece; their scales are put into `scales`."""
    for start, limit in table.chunks(_CHUNK_ROWS):
        values, found = table.gather_stored(rows[start:limit])
        if found is not None:
            scales[start:limit] = found
        yield values
