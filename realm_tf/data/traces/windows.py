# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hashes of windows of bytes: what stays of a text when it is gone, and finds it in any bytes.

Every `STRIDE` bytes, the next `WIDTH` bytes of a text are hashed to 64 bits. Any bytes that hold
`WIDTH + STRIDE - 1` bytes of the text in a row have a window with one of these hashes, wherever it
begins. The hash is a polynomial modulo 2^64 (Karp and Rabin, 1987) over a table of random numbers,
so those of all windows of an array take a few vector operations. A hash does not tell the text.
"""

from __future__ import annotations

import functools
import hashlib

import numpy as np

WIDTH = 32
STRIDE = 16

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse; otherwise any number
_PIECE = 1 << 20  # bytes that are hashed at a time
_HIGH_BITS = np.uint64(64 - 16)
_LEAST_VALUES = 4  # distinct bytes of a window that tells anything


def of(data: np.ndarray) -> np.ndarray:
    """Hashes that find a text.

    Args:
      data: <uint8>[n] bytes of it.

    Returns:
      <uint64>[any], none if it is shorter than `WIDTH`. Windows of hardly any distinct bytes, such
      as zeros, are left out: they are everywhere.
    """
    if len(data) < WIDTH:
        return np.zeros(0, np.uint64)
    starts = np.union1d(np.arange(0, len(data) - WIDTH + 1, STRIDE), [len(data) - WIDTH])
    windows = np.lib.stride_tricks.sliding_window_view(data, WIDTH)[starts]
    distinct = 1 + np.count_nonzero(np.diff(np.sort(windows, axis=1), axis=1), axis=1)
    return np.unique(_all(data)[starts[distinct >= _LEAST_VALUES]])


def _all(data: np.ndarray) -> np.ndarray:
    """<uint64>[n - WIDTH + 1] hashes of all windows of at most `_PIECE` + WIDTH bytes <uint8>."""
    values, powers, inverses = _tables(_size(len(data)))
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(values[data] * powers[: len(data)], out=sums[1:])
    return (sums[WIDTH:] - sums[:-WIDTH]) * inverses[: len(data) - WIDTH + 1]


class Finder:
    """Finds hashes of windows in bytes.

    Args:
      hashes: <uint64>[n].

    Attributes:
      hashes: <uint64>[n] ascending, each once.
    """

    def __init__(self, hashes: np.ndarray):
        self.hashes = np.unique(hashes)
        self._may_be = np.zeros(1 << 16, bool)
        self._may_be[self.hashes >> _HIGH_BITS] = True

    def find(self, data: np.ndarray) -> np.ndarray:
        """Which of the hashes windows of bytes <uint8>[any] have: <uint64>[any], each once."""
        found = [np.zeros(0, np.uint64)]
        for start in range(0, max(1, len(data) - WIDTH + 1), _PIECE):
            piece = data[start : start + _PIECE + WIDTH - 1]
            if len(piece) >= WIDTH:
                hashes = _all(piece)
                hashes = hashes[self._may_be[hashes >> _HIGH_BITS]]
                found.append(hashes[np.isin(hashes, self.hashes)])
        return np.unique(np.concatenate(found))


def _size(count: int) -> int:
    """The size of the tables for so many bytes: there are two, for texts and for pieces."""
    return max(_PIECE + WIDTH, count) if count > 1 << 14 else 1 << 14


@functools.lru_cache(maxsize=4)
def _tables(size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random numbers of the 256 bytes, powers of the base, and those of its inverse."""
    digests = (hashlib.blake2b(bytes([byte]), digest_size=8).digest() for byte in range(256))
    values = np.frombuffer(b"".join(digests), np.uint64)
    inverse = pow(_BASE, -1, 1 << 64)
    return values, _powers(_BASE, size), _powers(inverse, size)


def _powers(base: int, size: int) -> np.ndarray:
    factors = np.full(size, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)
