# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Many rows of a ragged column at once."""

from __future__ import annotations

import numpy as np

Column = tuple[np.ndarray, np.ndarray]


def take(column: Column, rows: np.ndarray) -> list[np.ndarray]:
    """The values of some rows, without copying them.

    Args:
      column: Flat values and <int64>[num_rows + 1] offsets, as `BlockTable.ragged` gives them.
      rows: <int64>[n]; a row of -1 has no values.

    Returns:
      n arrays <dtype>[any].
    """
    values, offsets = (np.asarray(array) for array in column)  # slices of np.memmap are slow
    there = rows >= 0
    starts = np.where(there, offsets[rows], 0).tolist()
    limits = np.where(there, offsets[rows + there], 0).tolist()
    return [values[start:limit] for start, limit in zip(starts, limits, strict=True)]


def contains(values: np.ndarray, part: np.ndarray) -> bool:
    """Whether `part` stands in `values` as a whole, one after the other.

    Args:
      values: <integer>[any], from 0 to 2**32.
      part: The same; an empty one stands anywhere.
    """
    data, wanted = (np.asarray(ids).astype("<u4").tobytes() for ids in (values, part))
    place = data.find(wanted)
    while place % 4 and place >= 0:  # bytes that begin inside a value
        place = data.find(wanted, place + 1)
    return place >= 0
