# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training that has diverged: seen on the device at every step, told when a loop returns.

The device notes the first step whose loss is not a number, or larger than any that can be learned
from. The host reads it when the loop returns, and looks at the weights then: before anything is
measured, exported or saved.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from realm_tf.models import weights as weights_lib

_NONE = -1
# Losses are cross-entropies, a few nats to begin with; float32 logits of this size say nothing.
_LARGEST_LOSS = 1e6


class Diverged(Exception):  # noqa: N818
    """Training has diverged.

    Args:
      index: Index of the batch in whose step it did.
      reason: What was seen, in words.
    """

    def __init__(self, index: int, reason: str):
        super().__init__(reason)
        self.index = index


class Watch(tf.Module):
    """Looks at losses on the device, and at weights when it is asked to; made in a strategy."""

    def __init__(self) -> None:
        super().__init__()
        once = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self._first = tf.Variable(_NONE, dtype=tf.int64, trainable=False, aggregation=once)
        self._loss = tf.Variable(0.0, dtype=tf.float32, trainable=False, aggregation=once)

    def see(self, loss: tf.Tensor, index: tf.Tensor) -> None:
        """Notes the first loss that is not sane; called in every replica.

        Args:
          loss: <float32>[], the global one.
          index: <int64>[], index of the batch.
        """
        # Grappler makes >= of a negated <, which is no good of NaN: so it is asked for by name.
        is_sane = tf.math.is_finite(loss) & (tf.abs(loss) < _LARGEST_LOSS)
        is_first = (self._first < 0) & ~is_sane
        self._first.assign(tf.where(is_first, tf.cast(index, tf.int64), self._first))
        self._loss.assign(tf.where(is_first, tf.cast(loss, tf.float32), self._loss))

    def check(self, weights: Sequence[tf.Variable], steps: int) -> None:
        """Looks at what was noted, and at the weights as they are.

        Args:
          weights: Weights of the model.
          steps: Number of steps that are done.

        Raises:
          Diverged: If a loss or a weight is not sane.
        """
        first = int(self._first.numpy())
        if first != _NONE:
            raise Diverged(first, f"its loss is {float(self._loss.numpy()):g}")
        if name := weights_lib.not_finite(weights):
            raise Diverged(max(steps - 1, 0), f"it made {name} not finite")
