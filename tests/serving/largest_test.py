# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The largest numbers, and of equal ones the first."""

import numpy as np
import pytest
import tensorflow as tf

from serving import largest


@pytest.mark.parametrize("num_rows", [1, 511, 512, 513, 3000])
@pytest.mark.parametrize("num_values", [3, 10**6])
def test_largest(num_rows, num_values):
    rng = np.random.default_rng(num_rows)
    values = rng.integers(-num_values, num_values, (5, num_rows)).astype(np.float32)
    padding = [(0, 0), (0, largest.padded(num_rows) - num_rows)]
    scores = tf.constant(np.pad(values, padding, constant_values=2.0 * num_values))
    order = np.argsort(-values, axis=1, kind="stable")
    for count in {1, min(7, num_rows), num_rows}:
        rows, found = largest.find(scores, tf.constant(count), num_rows)
        np.testing.assert_array_equal(rows, order[:, :count])
        np.testing.assert_array_equal(found, np.take_along_axis(values, order[:, :count], 1))
