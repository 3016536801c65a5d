# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Equal texts and equal ids among the blocks of a corpus, found in bounded memory.

Blocks of different documents with the same text stay in the corpus, so that deleting one document
never deletes another's text. The column `duplicate_of` of every block but the first of a text
holds the id of the first. The first is the block with the smallest id, so the marks do not depend
on the order of the input. Two blocks with one id, a collision of hashes, are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types

_CHUNK_ROWS = 1 << 20
_WORD = np.dtype("<u8")
_PREFIXES = 256
_PART_ROWS = 1 << 22  # that are compared at a time


class Chunk(NamedTuple):
    """A file of sorted rows of `width` words <uint64>.

    Attributes:
      path: Path of the file.
      offsets: Rows whose first word begins with byte i are those from `offsets[i]` to
        `offsets[i + 1]`.
      width: Words of a row.
    """

    path: str
    offsets: list[int]
    width: int


class SortedRows:
    """Keeps rows of words <uint64> in sorted files.

    Args:
      path_of: Number of a file to its path.
      width: Words of a row.
      chunk_rows: Rows of a file.
    """

    def __init__(self, path_of: Callable[[int], str], *, width: int, chunk_rows: int = _CHUNK_ROWS):
        self._path_of = path_of
        self._width = width
        self._limit = chunk_rows * width * _WORD.itemsize
        self._rows = bytearray()
        self._chunks: list[Chunk] = []

    def add(self, row: bytes) -> None:
        """Adds a row of `width` little-endian words."""
        self._rows += row
        if len(self._rows) >= self._limit:
            self._write()

    def finish(self) -> list[Chunk]:
        """Writes what is left; returns all files."""
        if self._rows:
            self._write()
        return self._chunks

    def _write(self) -> None:
        rows = _sorted(np.frombuffer(bytes(self._rows), _WORD).reshape(-1, self._width))
        bounds = np.arange(1, _PREFIXES).astype(_WORD) << np.uint64(56)
        inner = np.searchsorted(rows[:, 0], bounds).tolist()
        path = self._path_of(len(self._chunks))
        with artifacts.atomic_path(path) as aside, tf.io.gfile.GFile(aside, "wb") as f:
            f.write(rows.tobytes())
        self._chunks.append(Chunk(path, [0, *inner, len(rows)], self._width))
        self._rows = bytearray()


def text_row(text: str, block_id: int) -> bytes:
    """The row of a block, three words: two halves of the text's hash, and the block's id."""
    hashed = hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()
    return hashed + id_row(block_id)


def id_row(block_id: int) -> bytes:
    """The row of a block's id, one word."""
    return block_id.to_bytes(_WORD.itemsize, "little")


def require_distinct(chunks: Sequence[Chunk]) -> None:
    """Refuses ids of which two are equal.

    Args:
      chunks: Rows of `id_row` of all blocks.

    Raises:
      UserError: Naming one of them.
    """
    for low, high in _parts(chunks):
        _require_distinct_ids(np.concatenate([_read(c, low, high)[:, 0] for c in chunks]))


def _require_distinct_ids(block_ids: np.ndarray) -> None:
    """Refuses ids <uint64>[n] of which two are equal.

    Raises:
      UserError: Naming one of them.
    """
    ids = np.sort(block_ids)
    equal = np.flatnonzero(ids[1:] == ids[:-1])
    if equal.size:
        raise types.UserError(
            f"{equal.size} block ids are there twice, among them {ids[equal[0]]}. Does the"
            " corpus hold a document twice? If not, two hashes have collided: change the text"
            " or the id of one of the documents."
        )


def mark(chunks: Sequence[Chunk], target: str) -> int:
    """Finds the blocks of equal texts, and writes their marks.

    Args:
      chunks: Rows of `text_row` of all blocks.
      target: Path of a file of rows (block id, id of the first block with the same text).

    Returns:
      The number of marks.
    """
    total = 0
    with artifacts.atomic_path(target) as aside, tf.io.gfile.GFile(aside, "wb") as f:
        f.write(b"")  # or there is no file, where nothing is found
        for low, high in _parts(chunks):
            marks = _marks(_sorted(np.concatenate([_read(c, low, high) for c in chunks])))
            total += len(marks)
            f.write(marks.tobytes())
    return total


def first_ids(path: str, block_ids: np.ndarray) -> np.ndarray:
    """Looks up the marks of blocks.

    Args:
      path: What `mark` wrote.
      block_ids: <uint64>[n] ids of blocks.

    Returns:
      <uint64>[n] the id of the first block with the same text; 0 for a block without a mark.
    """
    found = np.zeros(len(block_ids), np.uint64)
    order = np.argsort(block_ids)
    ids = block_ids[order]
    with tf.io.gfile.GFile(path, "rb") as f:
        while len(ids) and (data := f.read(_CHUNK_ROWS * 2 * _WORD.itemsize)):
            rows = np.frombuffer(data, _WORD).reshape(-1, 2)
            places = np.minimum(np.searchsorted(ids, rows[:, 0]), len(ids) - 1)
            here = ids[places] == rows[:, 0]
            found[order[places[here]]] = rows[here, 1]
    return found


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
    """<uint64>[n, width] rows whose first word begins with the bytes from `low` to `high`."""
    start, limit = chunk.offsets[low], chunk.offsets[high]
    row_bytes = chunk.width * _WORD.itemsize
    with tf.io.gfile.GFile(chunk.path, "rb") as f:
        f.seek(start * row_bytes)
        found = f.read((limit - start) * row_bytes)
    if len(found) != (limit - start) * row_bytes:
        raise OSError(f"{chunk.path} ends before its rows do.")
    return np.frombuffer(found, _WORD).reshape(-1, chunk.width)


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T[::-1])]


def _marks(rows: np.ndarray) -> np.ndarray:
    """<uint64>[n, 2] marks of sorted rows: the first row of a hash has the smallest id."""
    is_first = np.ones(len(rows), bool)
    is_first[1:] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
    first_ids = rows[is_first, 2][np.cumsum(is_first) - 1]
    return np.stack([rows[:, 2], first_ids], axis=1)[~is_first]
