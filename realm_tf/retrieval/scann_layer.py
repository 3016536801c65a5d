# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The ScaNN search layer of TFRS, changed where its own costs recall, speed or memory.

It trains on more vectors than TFRS's 100,000 and with an anisotropic loss (Guo et al., 2020),
divides vectors by direction where their lengths differ, takes the width of every search, keeps the
handle of its searcher (TFRS makes it again at every call), and is read and written without the
vectors, which are in files of their own.
"""

from __future__ import annotations

import math
import os
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from scann import scann_ops
from scann.scann_ops.py import scann_ops as raw_ops
from tensorflow_recommenders.layers import factorized_top_k

from realm_tf import artifacts
from realm_tf.retrieval import vectors, widths

MIN_BLOCKS = 16  # asymmetric hashing trains 16 centres

_ANISOTROPIC_THRESHOLD = 0.2  # the authors' value
_DIMENSIONS_PER_BLOCK = 2
_TRAINED_PER_LEAF = 256
_MIN_TRAINED = 100_000
_VARIED = 0.05  # standard deviation of the lengths of vectors, as a share of their mean
_MEASURED = 10_000  # vectors whose lengths are looked at
_DESTROYER = "destroys a ScaNN searcher"
# What a searcher is made of, in ScaNN's order; the vectors, which come last, are not among them.
_PARTS = (
    "scann_config",
    "serialized_partitioner",
    "datapoint_to_token",
    "ah_codebook",
    "hashed_dataset",
    "int8_dataset",
    "int8_multipliers",
    "dp_norms",
)
_TEXTS = ("scann_config", "serialized_partitioner", "ah_codebook")


class ScannTopK(factorized_top_k.ScaNN):
    """A ScaNN layer that takes its width with every search.

    Args:
      num_leaves: Number of leaves into which the vectors are divided.
      table: The widths by depth that `call` searches with.
      reorders_int8: Whether candidates are reordered by vectors rounded to int8, so that no others
        are held in memory.
    """

    def __init__(self, num_leaves: int, table: widths.WidthTable, *, reorders_int8: bool = False):
        super().__init__(num_leaves=num_leaves)
        self.num_leaves = num_leaves
        self.table = table
        self._reorders_int8 = reorders_int8
        self._handle: tf.Tensor | None = None

    def index(self, candidates: tf.Tensor, identifiers: tf.Tensor | None = None) -> ScannTopK:
        """Trains the index; see `factorized_top_k.TopK.index`. It has no identifiers but rows."""
        if identifiers is not None:
            raise ValueError("ScannTopK returns row numbers: map them to identifiers yourself.")
        trained = max(_MIN_TRAINED, _TRAINED_PER_LEAF * self.num_leaves)
        builder = (
            scann_ops.builder(candidates, num_neighbors=10, distance_measure="dot_product")
            .tree(
                self.num_leaves,
                1,
                training_sample_size=min(len(candidates), trained),
                spherical=have_varied_lengths(candidates),
            )
            .score_ah(
                _DIMENSIONS_PER_BLOCK, anisotropic_quantization_threshold=_ANISOTROPIC_THRESHOLD
            )
            .reorder(10, quantize=self._reorders_int8)
        )
        with tf.device("/CPU:0"):
            self._keep(builder.build(shared_name=_unique_name()).searcher_handle)
        return self

    def parts(self) -> dict[str, np.ndarray]:
        """What the trained index consists of besides the vectors; texts as <uint8>[length]."""
        made = raw_ops.scann_to_tensors(self._handle)
        parts = {name: getattr(made, name).numpy() for name in _PARTS}
        return parts | {name: np.frombuffer(parts[name][0], np.uint8) for name in _TEXTS}

    def restore(self, parts: Mapping[str, np.ndarray], candidates: tf.Tensor) -> ScannTopK:
        """Takes what `parts` returned, in place of training.

        Args:
          parts: The parts.
          candidates: The vectors <float32>[num_blocks, embed_dim] that the index was trained on.
        """
        tensors = _tensors(parts)
        if self._reorders_int8:
            candidates = tf.zeros([0, candidates.shape[1]])
        with tf.device("/CPU:0"):
            self._keep(raw_ops.tensors_to_scann(candidates, **tensors, shared_name=_unique_name()))
        return self

    def hold_variables(self, parts: Mapping[str, np.ndarray], candidates: tf.Tensor) -> ScannTopK:
        """As `restore`, but as variables, so that a function that searches can be saved.

        Args:
          parts: The parts.
          candidates: The vectors <float32>[num_blocks, embed_dim] that the index was trained on.
        """
        if self._reorders_int8:
            candidates = tf.zeros([0, candidates.shape[1]])
        tensors = _tensors(parts)
        state = [*(tensors[name] for name in _PARTS), candidates]
        with tf.device("/CPU:0"):
            self._serialized_searcher: Any = _SavedSearcher(state)
        return self

    @property
    def held(self) -> tf.Module:
        """What `hold_variables` made: to be a part of the module that is saved."""
        found: tf.Module = self._serialized_searcher
        return found

    @property
    def release(self) -> Callable[[], None]:
        """Function to save beside: it frees the searcher of a SavedModel that is not used again."""
        found: Callable[[], None] = self._serialized_searcher.release
        return found

    def search(
        self, queries: tf.Tensor, k: Any, width: widths.Width | tuple[tf.Tensor, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches for the best blocks of each query.

        Args:
          queries: Query vectors <float32>[batch_size, embed_dim].
          k: Number of blocks for each query, at most as many as are reordered.
          width: How wide to search.

        Returns:
          Scores <float32>[batch_size, k] and rows <int32>[batch_size, k]; fewer columns, or row 0
          with a score of NaN, where fewer were found.
        """
        if self._serialized_searcher is None:
            searcher = scann_ops.ScannSearcher(self._handle)
        else:  # in a SavedModel, where there is no handle
            searcher = scann_ops.searcher_from_module(self._serialized_searcher)
        leaves, reordered = width
        found = searcher.search_batched_parallel(
            queries,
            final_num_neighbors=k,
            pre_reorder_num_neighbors=reordered,
            leaves_to_search=leaves,
        )
        return found.distances, found.indices

    def among(self, allowed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The blocks that are allowed, <bool>[num_blocks], to be scored exactly.

        Only of a layer that holds variables.

        Returns:
          Rows <int32>[n] and vectors <float32>[n, embed_dim].
        """
        rows = tf.cast(tf.where(allowed)[:, 0], tf.int32)
        held = self._serialized_searcher
        if not self._reorders_int8:
            return rows, tf.gather(held.dataset, rows)
        values = tf.cast(tf.gather(held.int8_dataset, rows), tf.float32)
        return rows, values / held.int8_multipliers

    def call(self, queries: tf.Tensor, k: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """As `search`, with the width that the table has for k <int32>[]."""
        leaves, reordered = self.table.in_graph(tf.convert_to_tensor(k))
        return self.search(queries, k, (leaves, tf.maximum(reordered, k)))

    def _keep(self, handle: tf.Tensor) -> None:
        self._handle = handle
        # TensorFlow would keep the searcher, which is of the size of the vectors, for ever.
        weakref.finalize(self, _destroy, handle).atexit = False


class _SavedSearcher(raw_ops.ScannState):
    """The state of an index as variables, which makes a searcher of its own name of them.

    TensorFlow knows searchers by name, also those of two SavedModels in one process.
    """

    def __init__(self, tensors: Sequence[tf.Tensor]):
        super().__init__(tensors)
        self._searcher_name = _unique_name()

    @tf.function(input_signature=[], autograph=False)
    def recreate_handle(self) -> tf.Tensor:
        """The searcher, which is made at the first call."""
        tensors = {name: getattr(self, name) for name in _PARTS}
        return raw_ops.tensors_to_scann(self.dataset, **tensors, shared_name=self._searcher_name)

    @tf.function(input_signature=[], autograph=False)
    def release(self) -> None:
        """Frees the searcher, which TensorFlow would keep for ever."""
        handle = self.recreate_handle()
        tf.raw_ops.DestroyResourceOp(resource=handle, ignore_lookup_error=True)


def train(table: vectors.VectorTable, num_leaves: int, folder: str) -> tuple[ScannTopK, list[str]]:
    """Trains a ScaNN layer, and writes what it consists of; the widths are still to be found.

    Of vectors stored as int8, candidates are reordered as int8, too.

    Args:
      table: Vectors of the blocks.
      num_leaves: Number of leaves.
      folder: Directory for the files.

    Returns:
      The layer, and the names of its files.
    """
    layer = _new(num_leaves, table).index(_candidates(table))
    names = []
    for name, array in layer.parts().items():
        names.append(f"{name}.npy")
        artifacts.write_array(os.path.join(folder, names[-1]), array)
    return layer, names


def open_arrays(
    arrays: Mapping[str, np.ndarray],
    table: vectors.VectorTable,
    num_leaves: int,
    *,
    as_variables: bool = False,
) -> ScannTopK:
    """Opens a trained ScaNN layer, on the vectors of its table, from its files' arrays by name."""
    layer = _new(num_leaves, table)
    take = layer.hold_variables if as_variables else layer.restore
    return take(arrays, _candidates(table))


def _new(num_leaves: int, table: vectors.VectorTable) -> ScannTopK:
    everything = widths.Width(num_leaves, len(table))
    return ScannTopK(
        num_leaves,
        widths.WidthTable({len(table): everything}, everything),
        reorders_int8=table.dtype == "int8",
    )


def have_varied_lengths(candidates: tf.Tensor) -> bool:
    """Whether leaves are to be made of directions alone, as by faiss for inner products.

    By distances, short vectors of all directions would share few leaves, which no query is near
    to: of a million vectors of different lengths, one leaf finds by directions what 300 find by
    distances. Of vectors of about one length, leaves by distances are the better ones.
    """
    lengths = tf.norm(candidates[:: max(1, len(candidates) // _MEASURED)], axis=1)
    return bool(tf.math.reduce_std(lengths) > _VARIED * tf.reduce_mean(lengths))


def _candidates(table: vectors.VectorTable) -> tf.Tensor:
    return vectors.as_tensor(table.load())


def _destroy(handle: tf.Tensor) -> None:
    """Frees a searcher; in a thread, for whoever collects its layer may be tracing a function."""
    threading.Thread(
        target=tf.raw_ops.DestroyResourceOp,
        kwargs={"resource": handle, "ignore_lookup_error": True},
        name=_DESTROYER,
        daemon=True,
    ).start()


def _unique_name() -> str:
    """A name for a searcher: without one, a second searcher would be the first again."""
    return f"realm-{uuid.uuid4()}"


def _tensors(parts: Mapping[str, np.ndarray]) -> dict[str, tf.Tensor]:
    texts = {name: tf.constant([parts[name].tobytes()]) for name in _TEXTS}
    return {name: tf.constant(parts[name]) for name in _PARTS} | texts


def default_leaves(num_blocks: int) -> int:
    """About sqrt(N) leaves; of small corpora fewer, for a leaf must be worth leaving out."""
    if num_blocks < 2_000:
        return max(1, num_blocks // 100)
    return round(math.sqrt(num_blocks) * (2 if num_blocks > 500_000 else 1))
