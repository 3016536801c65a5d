# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arrays are read as they were written, whole or in pieces."""

import numpy as np
import pytest

from realm_tf import artifacts, types


def test_pieces_make_one_array(tmp_path):
    values = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    path = str(tmp_path / "values.npy")
    pieces = (values[i : i + 4] for i in range(0, 10, 4))
    artifacts.write_pieces(path, pieces, (10, 3), "float32")
    np.testing.assert_array_equal(artifacts.map_array(path), values)


@pytest.mark.parametrize("shape", [(0, 3), (10, 3)])
def test_array_is_mapped_as_it_was_written(tmp_path, shape):
    values = np.asfortranarray(np.arange(np.prod(shape)).reshape(shape))
    path = str(tmp_path / "values.npy")
    artifacts.write_array(path, values)
    np.testing.assert_array_equal(artifacts.map_array(path), values)
    with pytest.raises(types.UserError, match="No such file"):
        artifacts.map_array(str(tmp_path / "other.npy"))
