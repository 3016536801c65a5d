# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests run on Keras 2, and can replicate."""

import tensorflow as tf
import tf_keras


def test_keras_is_keras_2():
    assert tf.keras.Model is tf_keras.Model


def test_two_devices_run_two_replicas(two_logical_devices):
    strategy = tf.distribute.MirroredStrategy(two_logical_devices)

    @tf.function
    def replica_ids() -> tf.Tensor:
        return strategy.run(lambda: tf.distribute.get_replica_context().replica_id_in_sync_group)

    found = strategy.experimental_local_results(replica_ids())
    assert [int(one) for one in found] == [0, 1]
