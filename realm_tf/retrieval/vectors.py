# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The vectors of blocks: `.npy` shards, written, memory-mapped and read, row by row as the blocks.

Shard i of a "vectors" segment holds one vector per block of shard i of the block segment, in its
order, so that row numbers of the two are the same; the blocks' ids stand beside them. Vectors of
the number type int8 have a scale each: their largest number is 127 of it.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types

KIND = "vectors"

_LOADED_ROWS = 65_536
_SAMPLED_ROWS = 1_000

_LOGGER = logging.getLogger(__name__)


def vectors_name(index: int, num_shards: int) -> str:
    """File name of a shard's vectors, which are <float32|float16|int8>[num_rows, embed_dim]."""
    return f"vectors-{index:05d}-of-{num_shards:05d}.npy"


def scales_name(index: int, num_shards: int) -> str:
    """File name of the scales of a shard's int8 vectors, which are <float32>[num_rows]."""
    return f"scales-{index:05d}-of-{num_shards:05d}.npy"


def ids_name(index: int, num_shards: int) -> str:
    """File name of a shard's block ids, which are <uint64>[num_rows]."""
    return f"ids-{index:05d}-of-{num_shards:05d}.npy"


def write_shard(
    folder: str,
    index: int,
    num_shards: int,
    *,
    block_ids: np.ndarray,
    vectors: np.ndarray,
    dtype: str = "float32",
) -> tuple[str, ...]:
    """Writes a shard: a file of the block ids, one of the vectors, and one of scales if int8.

    Args:
      folder: Directory of the segment.
      index: Number of the shard, from 0.
      num_shards: Number of shards of the segment.
      block_ids: Ids of the blocks, <uint64>[num_rows].
      vectors: Vectors of the blocks, <float32>[num_rows, embed_dim].
      dtype: Number type to store them in: float32, float16 or int8.

    Returns:
      The names of the files.

    Raises:
      UserError: If a vector is not finite.
    """
    stored, scales = encode(vectors, dtype)
    is_finite = np.isfinite(vectors).all(axis=1) & np.isfinite(stored).all(axis=1)
    if not is_finite.all():
        bad = int(block_ids[~is_finite][0])
        raise types.UserError(
            f"The vector of block {bad} has infinite or undefined numbers. The embedder has"
            " diverged (take an earlier checkpoint), or the dtype is too narrow for it (float32)."
        )
    arrays = {ids_name(index, num_shards): block_ids, vectors_name(index, num_shards): stored}
    if scales is not None:
        arrays[scales_name(index, num_shards)] = scales
    for name, array in arrays.items():
        artifacts.write_array(os.path.join(folder, name), array)
    return tuple(arrays)


def encode(vectors: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Vectors in a number type of storage, and their scales <float32>[num_rows] if it is int8."""
    if dtype != "int8":
        with np.errstate(over="ignore"):
            return vectors.astype(dtype, copy=False), None
    scales = np.maximum(np.abs(vectors).max(axis=1), np.float32(1e-30)) / np.float32(127)
    return np.rint(np.nan_to_num(vectors / scales[:, None])).astype(np.int8), scales


def inner_products(queries: tf.Tensor, stored: tf.Tensor, scales: tf.Tensor | None) -> tf.Tensor:
    """Inner products of queries and a table's vectors as stored: of any number type, with scales.

    Args:
      queries: <float32>[batch_size, embed_dim].
      stored: Vectors as they are stored, <float32|float16|int8>[num_rows, embed_dim].
      scales: Their scales <float32>[num_rows] if they are int8.

    Returns:
      <float32>[batch_size, num_rows].
    """
    products = tf.matmul(queries, tf.cast(stored, tf.float32), transpose_b=True)
    return products if scales is None else products * scales


class VectorTable:
    """The memory-mapped vectors of a "vectors" segment; row i is the vector of block i.

    Attributes:
      segment: The "vectors" segment.
      dim: Size of a vector (embed_dim).
      dtype: Number type in which they are stored: float32, float16 or int8.
      shards: A memory-mapped array <dtype>[num_rows, embed_dim] for each shard.
      scales: Scales <float32>[num_rows] of the vectors of each shard, None where they have none.
      shard_offsets: Row where every shard starts, <int64>[num_shards + 1]; the last is num_blocks.
    """

    def __init__(self, segment: artifacts.Segment):
        self.segment = segment
        self.shards = [artifacts.map_array(path) for path in segment.files("vectors-")]
        if not self.shards:
            raise types.UserError(f"{segment.path} has no vectors. Run `realm embed` again.")
        self.dim = int(self.shards[0].shape[1])
        self.dtype = self.shards[0].dtype.name
        scales = [artifacts.map_array(path) for path in segment.files("scales-")]
        self.scales: list[np.ndarray | None] = [*scales] or [None] * len(self.shards)
        sizes = [len(shard) for shard in self.shards]
        self.shard_offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @classmethod
    def open(cls, segment: artifacts.Segment | str) -> VectorTable:
        """Opens a "vectors" segment, or the one at a path (its checksums are not compared).

        Raises:
          UserError: If the segment is not complete, or holds no vectors.
        """
        if isinstance(segment, str):
            segment = artifacts.open_segment(segment, KIND, verify=False)
        return cls(segment)

    def __len__(self) -> int:
        return int(self.shard_offsets[-1])

    @property
    def path(self) -> str:
        """Where they are, for messages."""
        return self.segment.path

    @property
    def fingerprint(self) -> str:
        """Tells these vectors from others."""
        return self.segment.fingerprint

    @property
    def made_from(self) -> Mapping[str, str]:
        """Fingerprints of the blocks and of the embedder."""
        return self.segment.made_from

    @functools.cached_property
    def block_ids(self) -> np.ndarray:
        """The ids of all blocks, row by row, <uint64>[num_blocks]."""
        return _join([artifacts.map_array(path) for path in self.segment.files("ids-")])

    def load(self) -> np.ndarray:
        """All vectors <float32>[num_blocks, embed_dim]: mapped if they are so in one file.

        Otherwise they are read into one array, of which nothing else is made.
        """
        if len(self.shards) == 1 and self.dtype == "float32":
            return self.shards[0]
        out = np.empty((len(self), self.dim), np.float32)
        for start, limit in self.chunks(_LOADED_ROWS):
            out[start:limit] = self.read(start, limit)
        return out

    def read(self, start: int, limit: int) -> np.ndarray:
        """The vectors of consecutive rows, <float32>[limit - start, embed_dim]."""
        return self.gather(np.arange(start, limit))

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Looks up the vectors of some rows.

        Args:
          rows: Row numbers <int64>[...]; -1 (padding) gives zeros.

        Returns:
          The vectors <float32>[..., embed_dim].

        Raises:
          IndexError: If a row is out of range.
        """
        stored, scales = self.gather_stored(rows)
        values = stored.astype(np.float32, copy=False)
        if scales is not None:
            values *= scales[..., None]
        return values

    def gather_stored(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """As `gather`, but as they are stored, <dtype>[..., embed_dim].

        Returns:
          The vectors, and their scales <float32>[...] if they are int8.
        """
        rows = np.asarray(rows, np.int64)
        if rows.size and (rows.max() >= len(self) or rows.min() < -1):
            raise IndexError(
                f"Rows must be in [-1, {len(self)}). Received: {rows.min()} to {rows.max()}."
            )
        flat = rows.reshape(-1)
        out = np.zeros((flat.size, self.dim), self.dtype)
        scales = np.zeros(flat.size, np.float32)
        shard_of = np.searchsorted(self.shard_offsets, flat, side="right") - 1
        for number in np.unique(shard_of[flat >= 0]):
            here = np.flatnonzero((shard_of == number) & (flat >= 0))
            places = flat[here] - self.shard_offsets[number]
            out[here] = self.shards[number][places]
            if (of_shard := self.scales[number]) is not None:
                scales[here] = of_shard[places]
        found = out.reshape(*rows.shape, self.dim)
        return found, scales.reshape(rows.shape) if self.dtype == "int8" else None

    def chunks(self, num_rows: int) -> Iterator[tuple[int, int]]:
        """Yields (first row, one past the last row) of pieces of at most `num_rows` rows."""
        for start in range(0, len(self), num_rows):
            yield start, min(start + num_rows, len(self))


def sample(table: VectorTable) -> np.ndarray:
    """An even sample of the vectors of blocks, as queries where there are no real ones.

    Returns:
      <float32>[num_rows, embed_dim] of 1,000 rows, or of all.
    """
    _LOGGER.info("recall is measured with vectors of blocks, which are easier than real queries")
    count = min(len(table), _SAMPLED_ROWS)
    return table.gather(np.linspace(0, len(table) - 1, count).astype(np.int64))


def _join(arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def as_tensor(array: np.ndarray) -> tf.Tensor:
    """A tensor over the memory of stored vectors, or any array: of a mapped file nothing is copied.

    TensorFlow wants it aligned, which `.npy` files are, and the array must not change any more.
    """
    if array.ctypes.data % 64 or not array.flags.writeable or not array.size:
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
