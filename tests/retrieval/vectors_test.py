# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Vectors are what was written, row by row."""

import numpy as np
import pytest

from realm_tf import artifacts, types
from realm_tf.retrieval import vectors
from tests.retrieval import segments


@pytest.fixture(params=["float32", "float16"])
def written(request, tmp_path):
    values = segments.normal(11, 4)
    shards = [values[:5], values[5:5], values[5:]]  # one is empty
    segment = segments.write_vectors(tmp_path, shards, dtype=request.param)
    return values.astype(request.param).astype(np.float32), vectors.VectorTable.open(segment)


def test_load_joins_the_shards(written):
    values, table = written
    np.testing.assert_array_equal(table.load(), values)
    assert (len(table), table.dim) == (11, 4)
    np.testing.assert_array_equal(table.block_ids, np.arange(100, 111, dtype=np.uint64))


def test_gather_looks_up_across_shards(written):
    values, table = written
    rows = np.array([[10, 0], [5, 4]])
    np.testing.assert_array_equal(table.gather(rows), values[rows])


def test_gather_gives_zeros_for_padding(written):
    values, table = written
    np.testing.assert_array_equal(table.gather([-1, 3]), [np.zeros(4), values[3]])


@pytest.mark.parametrize("row", [-2, 11])
def test_gather_refuses_rows_out_of_range(written, row):
    with pytest.raises(IndexError, match=str(row)):
        written[1].gather([0, row])


def test_shards_are_memory_mapped(written):
    assert all(isinstance(shard.base, np.memmap) for shard in written[1].shards)


def test_one_shard_is_not_copied(tmp_path):
    table = vectors.VectorTable.open(segments.write_vectors(tmp_path, [segments.normal(3, 4)]))
    assert np.shares_memory(table.load(), table.shards[0])


def test_open_takes_a_path_and_refuses_other_kinds(tmp_path):
    segment = segments.write_vectors(tmp_path, [segments.normal(3, 4)])
    assert len(vectors.VectorTable.open(segment.path)) == 3
    embedder = segments.write_embedder(tmp_path)
    with pytest.raises(types.UserError, match="'embedder'"):
        vectors.VectorTable.open(embedder.path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e6])
def test_numbers_that_are_not_finite_are_refused(tmp_path, bad):
    values = np.ones((2, 2))
    values[1, 0] = bad
    with (
        np.errstate(over="ignore"),
        pytest.raises(types.UserError, match="block 101 has infinite or undefined"),
    ):
        segments.write_vectors(tmp_path, [values], dtype="float16")


def test_int8_has_a_scale_for_every_vector(tmp_path):
    values = segments.normal(300, 16) * np.logspace(-3, 3, 300, dtype=np.float32)[:, None]
    values[7] = 0
    segment = segments.write_vectors(tmp_path, [values[:100], values[100:]], dtype="int8")
    table = vectors.VectorTable.open(segment)
    assert {shard.dtype for shard in table.shards} == {np.dtype(np.int8)}
    largest = np.abs(values).max(axis=1, keepdims=True)
    for found in (table.load(), table.read(0, 300)):
        assert (np.abs(found - values) <= 0.5001 * largest / 127).all()
    stored, scales = table.gather_stored(np.array([299, 3, -1]))
    np.testing.assert_array_equal(stored * scales[:, None], table.gather([299, 3, -1]))
    assert sum(shard.num_bytes for shard in segment.shards) < 300 * (16 + 4 + 8) + 6 * 128 + 1


def test_int8_vectors_are_stored_again_as_they_were():
    """So a copy of them is recognised by what they are read as; see `deletions`."""
    stored, scales = vectors.encode(segments.normal(500, 32, seed=5), "int8")
    again, _ = vectors.encode(stored * scales[:, None], "int8")
    np.testing.assert_array_equal(again, stored)


def test_int8_vectors_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(types.UserError, match="block 100 has infinite or undefined"):
        segments.write_vectors(tmp_path, [np.full((2, 2), np.nan, np.float32)], dtype="int8")


def test_a_mapped_array_is_a_tensor_without_a_copy(tmp_path):
    table = vectors.VectorTable.open(segments.write_vectors(tmp_path, [segments.normal(30, 4)]))
    tensor = vectors.as_tensor(table.shards[0])
    np.testing.assert_array_equal(tensor, table.shards[0])
    table.shards[0][3, 2] = 123  # copy-on-write: not in the file, but in the tensor
    assert tensor[3, 2] == 123
    assert vectors.VectorTable.open(table.segment.path).shards[0][3, 2] != 123


def test_a_shard_is_two_files(tmp_path):
    ids, values = np.arange(3, dtype=np.uint64), segments.normal(3, 2)
    names = vectors.write_shard(str(tmp_path), 0, 1, block_ids=ids, vectors=values)
    assert names == (vectors.ids_name(0, 1), vectors.vectors_name(0, 1))
    for name, array in zip(names, (ids, values), strict=True):
        np.testing.assert_array_equal(np.load(tmp_path / name), array)
    assert not artifacts.is_complete(str(tmp_path))
