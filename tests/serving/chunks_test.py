# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Work in chunks gives what work at once gives."""

import pytest
import tensorflow as tf

from serving import chunks


@pytest.mark.parametrize("num_rows", [0, 1, 3, 4, 5, 11])
def test_chunks_are_joined_in_order(num_rows):
    seen = []

    def double(x, text):
        seen.append(x.shape)
        most = tf.debugging.assert_less_equal(tf.shape(x)[0], 4)
        with tf.control_dependencies([most]):
            return [2 * x, tf.strings.join([text, "!"])[:, tf.newaxis]]

    @tf.function(
        input_signature=[tf.TensorSpec([None, 2], tf.int32), tf.TensorSpec([None], tf.string)]
    )
    def apply(x, text):
        return chunks.apply(double, [x, text], [tf.int32, tf.string], 4)

    x = tf.reshape(tf.range(2 * num_rows), [-1, 2])
    numbers, texts = apply(x, tf.strings.as_string(tf.range(num_rows)))
    assert numbers.numpy().tolist() == (2 * x).numpy().tolist()
    assert texts.numpy().tolist() == [[f"{i}!".encode()] for i in range(num_rows)]
    assert len(seen) == 1
