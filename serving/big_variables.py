# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Variables as large as the corpus, filled piece by piece, so that no second copy is ever held."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf


def make(
    shape: tuple[int, ...], dtype: tf.DType, pieces: Iterable[np.ndarray], *, name: str
) -> tf.Variable:
    """Makes a variable of pieces, one after the other.

    Args:
      shape: Shape of the variable.
      dtype: Its type.
      pieces: Arrays [n, ...] of its first rows, its next rows, and so on; rows that no piece fills
        are zeros, or empty texts.
      name: Name of the variable.
    """
    variable = tf.Variable(tf.zeros(shape, dtype), trainable=False, name=name)
    first = 0
    for piece in pieces:
        rows = tf.range(first, first + len(piece))
        variable.scatter_update(tf.IndexedSlices(tf.constant(piece, dtype), rows))
        first += len(piece)
    return variable
