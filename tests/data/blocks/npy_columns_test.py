# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Appended columns are what NumPy itself would have written."""

import numpy as np
import pytest

from realm_tf.data.blocks import npy_columns


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.uint64])
def test_appended_values_are_one_array(tmp_path, dtype):
    path = str(tmp_path / "column.npy")
    with npy_columns.NpyWriter(path, dtype) as writer:
        for size in range(20):
            writer.append(np.full(size, size))
        writer.append([1, 2])
    expected = np.concatenate([*(np.full(size, size) for size in range(20)), [1, 2]])
    opened = npy_columns.open_npy(path)
    assert isinstance(opened.base, np.memmap)
    assert opened.dtype == dtype
    np.testing.assert_array_equal(opened, expected)
    np.testing.assert_array_equal(np.load(path), expected)


def test_empty_column(tmp_path):
    path = str(tmp_path / "column.npy")
    with npy_columns.NpyWriter(path, np.int32):
        pass
    assert npy_columns.open_npy(path).shape == (0,)


@pytest.mark.parametrize("values", [[1 << 16], np.array([1 << 16]), [-1], np.array([-1])])
def test_value_that_does_not_fit_is_refused(tmp_path, values):
    with (
        npy_columns.NpyWriter(str(tmp_path / "column.npy"), np.uint16) as writer,
        pytest.raises(OverflowError),
    ):
        writer.append(values)
