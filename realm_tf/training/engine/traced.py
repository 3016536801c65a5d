# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A compiled function for batches of many shapes.

TensorFlow traces a function anew for every shape, which takes seconds, and its graph for one shape
may round otherwise than that for any. So that a resumed run computes what it would have computed,
the function is traced once, for any shape, before its first call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


class Traced:
    """A `tf.function` that is traced once for all shapes of its inputs.

    Values of several replicas are the exception: they are traced for their first shapes, and then
    for any.

    Args:
      function: Function of tensors, in any structure; other arguments stay as they are.
      static_shapes: Whether to trace for each shape alone, as XLA and TPUs need it.
    """

    def __init__(self, function: Callable[..., Any], *, static_shapes: bool):
        self._function = tf.function(function, reduce_retracing=not static_shapes)
        self._is_traced = static_shapes

    def __call__(self, *args: Any) -> Any:
        """Calls the function."""
        if not self._is_traced:
            self._is_traced = True
            leaves = tf.nest.flatten(args)
            if not any(isinstance(leaf, tf.distribute.DistributedValues) for leaf in leaves):
                self._function.get_concrete_function(*tf.nest.map_structure(_of_any_shape, args))
        return self._function(*args)


def _of_any_shape(value: Any) -> Any:
    if not isinstance(value, tf.Tensor):
        return value
    return tf.TensorSpec([None] * value.shape.rank, value.dtype)
