# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks of the same text in different documents: found in bounded memory, and marked.

They stay in the corpus, so that deleting one document never deletes another's text. The file
`duplicates.npy` of a "blocks" segment, <uint64>[n, 2], has a row (block id, id of the first block
with the same text) for every block but the first of a text. The first is the one with the smallest
id, so marks do not depend on the order of the input. Rows of one text follow each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import artifacts
from realm_tf.data.blocks import npy_columns

FILE = "duplicates.npy"

_CHUNK_ROWS = 1 << 20
_ROW = np.dtype("<u8")
_ROW_BYTES = 24  # two halves of a text's hash, and the block's id
_PREFIXES = 256
_PART_ROWS = 1 << 22  # that are compared at a time
_COPY_BYTES = 1 << 22


class Chunk(NamedTuple):
    """A file of sorted rows (half of a hash, other half, block id).

    Attributes:
      path: Of the file.
      offsets: Hashes that begin with byte i are in the rows from `offsets[i]` to `offsets[i + 1]`.
    """

    path: str
    offsets: list[int]


class TextHashes:
    """Keeps the hashes of blocks' texts, in sorted files.

    Args:
      path_of: Number of a file to its path.
      chunk_rows: So many rows are a file.
    """

    def __init__(self, path_of: Callable[[int], str], chunk_rows: int = _CHUNK_ROWS):
        self._path_of = path_of
        self._limit = chunk_rows * _ROW_BYTES
        self._rows = bytearray()
        self._chunks: list[Chunk] = []

    def add(self, text: str, block_id: int) -> None:
        """Adds a block."""
        self._rows += hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()
        self._rows += block_id.to_bytes(8, "little")
        if len(self._rows) >= self._limit:
            self._write()

    def finish(self) -> list[Chunk]:
        """Writes what is left; returns all files."""
        if self._rows:
            self._write()
        return self._chunks

    def _write(self) -> None:
        rows = _sorted(np.frombuffer(bytes(self._rows), _ROW).reshape(-1, 3))
        bounds = np.arange(1, _PREFIXES).astype(_ROW) << np.uint64(56)
        inner = np.searchsorted(rows[:, 0], bounds).tolist()
        path = self._path_of(len(self._chunks))
        with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "wb") as f:
            f.write(rows.tobytes())
        self._chunks.append(Chunk(path, [0, *inner, len(rows)]))
        self._rows = bytearray()


def mark(chunks: Sequence[Chunk], aside: str, target: str) -> int:
    """Finds the blocks of equal texts, and writes the file of their marks.

    Args:
      chunks: The hashes of all blocks.
      aside: Path for what is found, before it is known how much that is.
      target: Path of the .npy file.

    Returns:
      Its number of rows.
    """
    total = 0
    with tf.io.gfile.GFile(aside, "wb") as f:
        f.write(b"")  # or there is no file, where nothing is found
        for low, high in _parts(chunks):
            marks = _marks(_sorted(np.concatenate([_read(c, low, high) for c in chunks])))
            total += len(marks)
            f.write(marks.tobytes())
    with artifacts.atomic_path(target) as path, tf.io.gfile.GFile(path, "wb") as f:
        _copy_as_npy(aside, total, f)
    tf.io.gfile.remove(aside)
    return total


class Marks:
    """The marks of a "blocks" segment, mapped into memory.

    Args:
      path: Of the file.
    """

    def __init__(self, path: str):
        self._rows = npy_columns.open_npy(path)

    def get(self, block_id: int) -> int | None:
        """Id of the first block with the same text; None if this is it, or the only one."""
        found = np.flatnonzero(self._rows[:, 0] == np.uint64(block_id))
        return int(self._rows[found[0], 1]) if found.size else None


def load(segment: artifacts.Segment) -> Marks | None:
    """The marks of a segment; None if it has none, as passages and ready blocks."""
    names = [shard.name for shard in segment.shards]
    return Marks(segment.file(FILE)) if FILE in names else None


def _parts(chunks: Sequence[Chunk]) -> Iterator[tuple[int, int]]:
    """Ranges of first bytes that have at most `_PART_ROWS` hashes, or are one byte."""
    sizes = np.zeros(_PREFIXES, np.int64)
    for chunk in chunks:
        sizes += np.diff(chunk.offsets)
    low, rows = 0, 0
    for prefix, size in enumerate(sizes.tolist()):
        if prefix > low and rows + size > _PART_ROWS:
            yield low, prefix
            low, rows = prefix, 0
        rows += size
    if rows:
        yield low, _PREFIXES


def _read(chunk: Chunk, low: int, high: int) -> np.ndarray:
    """<uint64>[n, 3] rows of hashes that begin with the bytes from `low` to `high`."""
    start, limit = chunk.offsets[low], chunk.offsets[high]
    with tf.io.gfile.GFile(chunk.path, "rb") as f:
        f.seek(start * _ROW_BYTES)
        found = f.read((limit - start) * _ROW_BYTES)
    if len(found) != (limit - start) * _ROW_BYTES:
        raise OSError(f"{chunk.path} ends before its rows do.")
    return np.frombuffer(found, _ROW).reshape(-1, 3)


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]


def _marks(rows: np.ndarray) -> np.ndarray:
    """<uint64>[n, 2] marks of sorted rows: the first row of a hash has the smallest id."""
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    first_ids = rows[is_first, 2][np.cumsum(is_first) - 1]
    return np.stack([rows[:, 2], first_ids], axis=1)[~is_first]


def _copy_as_npy(source: str, num_rows: int, out: Any) -> None:
    header = {"descr": _ROW.str, "fortran_order": False, "shape": (num_rows, 2)}
    np.lib.format.write_array_header_1_0(out, header)
    with tf.io.gfile.GFile(source, "rb") as f:
        while chunk := f.read(_COPY_BYTES):
            out.write(chunk)
