# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Computes a batch of any size a few rows at a time, in the served graph.

A server of others does not limit the size of a request, and what search and reader hold for a row
is large. In chunks, their memory does not grow with the request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf


def apply(
    function: Callable[..., Sequence[tf.Tensor]],
    inputs: Sequence[tf.Tensor],
    outputs: Sequence[tf.DType],
    size: int,
) -> list[tf.Tensor]:
    """Applies a function of rows to all rows of its inputs, at most `size` at a time.

    Args:
      function: Takes a tensor [n, ...] for each input, and returns tensors [n, m], where m does not
        depend on the rows; n may be 0.
      inputs: Tensors [num_rows, ...], all with the same number of rows.
      outputs: Number types of what `function` returns.
      size: Largest n.

    Returns:
      What `function` returns for all rows, each [num_rows, m].
    """
    num_rows = tf.shape(inputs[0])[0]
    num_chunks = tf.maximum(1, (num_rows + size - 1) // size)
    arrays = [tf.TensorArray(dtype, size=num_chunks, infer_shape=False) for dtype in outputs]

    def body(number: tf.Tensor, arrays: Sequence[tf.TensorArray]) -> tuple:
        rows = slice(number * size, tf.minimum((number + 1) * size, num_rows))
        found = function(*(x[rows] for x in inputs))
        return number + 1, [a.write(number, x) for a, x in zip(arrays, found, strict=True)]

    _, arrays = tf.while_loop(
        lambda number, _: number < num_chunks,
        body,
        (tf.constant(0), arrays),
        parallel_iterations=1,
    )
    joined = [array.concat() for array in arrays]
    for whole in joined:
        whole.set_shape([None, None])
    return joined
