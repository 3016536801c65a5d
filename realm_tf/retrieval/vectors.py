# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The vectors of blocks: memory-mapped `.npy` shards, row by row as the shards of blocks.

Shard i of a "vectors" segment holds one vector per block of shard i of the block segment, in its
order, so that row numbers of the two are the same; the blocks' ids stand beside them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types

KIND = "vectors"


def vectors_name(index: int, num_shards: int) -> str:
    """File name of a shard's vectors, which are <float32|float16>[num_rows, embed_dim]."""
    return f"vectors-{index:05d}-of-{num_shards:05d}.npy"


def ids_name(index: int, num_shards: int) -> str:
    """File name of a shard's block ids, which are <uint64>[num_rows]."""
    return f"ids-{index:05d}-of-{num_shards:05d}.npy"


def _write_array(path: str, array: np.ndarray) -> None:
    """Writes an array as a `.npy` file, atomically, to any filesystem."""
    with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "wb") as f:
        np.lib.format.write_array(f, np.ascontiguousarray(array), allow_pickle=False)


def write_shard(
    folder: str, index: int, num_shards: int, *, block_ids: np.ndarray, vectors: np.ndarray
) -> tuple[str, str]:
    """Writes a shard of vectors: a file of their block ids, and a file of the vectors.

    Args:
      folder: Directory of the segment.
      index: Number of the shard, from 0.
      num_shards: Number of shards of the segment.
      block_ids: Ids of the blocks, <uint64>[num_rows].
      vectors: Vectors of the blocks, <float32|float16>[num_rows, embed_dim].

    Returns:
      The names of the files.

    Raises:
      UserError: If a vector is not finite.
    """
    if not np.isfinite(vectors).all():
        bad = int(block_ids[~np.isfinite(vectors).all(axis=1)][0])
        raise types.UserError(
            f"The vector of block {bad} has infinite or undefined numbers. The embedder has"
            " diverged (take an earlier checkpoint), or the dtype is too narrow for it (float32)."
        )
    names = ids_name(index, num_shards), vectors_name(index, num_shards)
    _write_array(os.path.join(folder, names[0]), block_ids)
    _write_array(os.path.join(folder, names[1]), vectors)
    return names


class VectorTable:
    """The memory-mapped vectors of a "vectors" segment; row i is the vector of block i.

    Attributes:
      segment: The "vectors" segment.
      dim: Size of a vector (embed_dim).
      shards: A memory-mapped array <float32|float16>[num_rows, embed_dim] for each shard.
      shard_offsets: Row where every shard starts, <int64>[num_shards + 1]; the last is num_blocks.
    """

    def __init__(self, segment: artifacts.Segment):
        self.segment = segment
        self.shards = [_map(path) for path in segment.files("vectors-")]
        if not self.shards:
            raise types.UserError(f"{segment.path} has no vectors. Run `realm embed` again.")
        self.dim = int(self.shards[0].shape[1])
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

    @functools.cached_property
    def block_ids(self) -> np.ndarray:
        """The ids of all blocks, row by row, <uint64>[num_blocks]."""
        return _join([_map(path) for path in self.segment.files("ids-")])

    def load(self) -> np.ndarray:
        """All vectors <float32>[num_blocks, embed_dim], memory-mapped if there is one shard."""
        return _join(self.shards).astype(np.float32, copy=False)

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Looks up the vectors of some rows.

        Args:
          rows: Row numbers <int64>[...]; -1 (padding) gives zeros.

        Returns:
          The vectors <float32>[..., embed_dim].

        Raises:
          IndexError: If a row is out of range.
        """
        rows = np.asarray(rows, np.int64)
        if rows.size and (rows.max() >= len(self) or rows.min() < -1):
            raise IndexError(
                f"Rows must be in [-1, {len(self)}). Received: {rows.min()} to {rows.max()}."
            )
        flat = rows.reshape(-1)
        out = np.zeros((flat.size, self.dim), np.float32)
        shard_of = np.searchsorted(self.shard_offsets, flat, side="right") - 1
        for number in np.unique(shard_of[flat >= 0]):
            here = np.flatnonzero((shard_of == number) & (flat >= 0))
            out[here] = self.shards[number][flat[here] - self.shard_offsets[number]]
        return out.reshape(*rows.shape, self.dim)

    def chunks(self, num_rows: int) -> Iterator[tuple[int, int]]:
        """Yields (first row, one past the last row) of pieces of at most `num_rows` rows."""
        for start in range(0, len(self), num_rows):
            yield start, min(start + num_rows, len(self))


def _join(arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _map(path: str) -> np.ndarray:
    """Maps a .npy file into memory; a remote one is copied to a local cache first."""
    array: np.ndarray = np.asarray(  # still mapped; slices of an np.memmap are slow
        np.load(artifacts.localise(path), mmap_mode="r", allow_pickle=False)
    )
    return array
