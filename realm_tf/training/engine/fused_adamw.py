# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""AdamW in one pass over memory.

Adam's moments and the decay change every row of an embedding table at every step, whatever the
batch touches, so an exact update cannot be sparse. Keras writes it as a dozen operations, each of
which reads and writes arrays as large as the table; TensorFlow has one kernel for all of them.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras


class FusedAdamW(tf_keras.optimizers.AdamW):
    """Keras's AdamW, whose moments and weights are updated by one kernel: the same to rounding."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Updates one variable, <dtype>[any], and its moments with its dense gradient."""
        index = self._index_dict[self._var_key(variable)]
        step = tf.cast(self.iterations + 1, variable.dtype)
        beta_1, beta_2 = (tf.cast(beta, variable.dtype) for beta in (self.beta_1, self.beta_2))
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            lr=tf.cast(self.learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=gradient,
        )
