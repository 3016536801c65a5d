# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of ragged columns."""

import numpy as np

from realm_tf.data.blocks import ragged

COLUMN = np.arange(10, 16, dtype=np.uint16), np.array([0, 2, 2, 6])


def test_rows_come_in_the_order_asked_for():
    taken = ragged.take(COLUMN, np.array([2, 0, 1, 2]))
    assert [values.tolist() for values in taken] == [
        [12, 13, 14, 15],
        [10, 11],
        [],
        [12, 13, 14, 15],
    ]
    assert {values.dtype for values in taken} == {np.dtype(np.uint16)}


def test_a_missing_row_has_no_values():
    assert [values.tolist() for values in ragged.take(COLUMN, np.array([-1, 0, -1]))] == [
        [],
        [10, 11],
        [],
    ]
    assert ragged.take(COLUMN, np.zeros(0, np.int64)) == []


def test_memory_maps_are_read_as_plain_arrays(tmp_path):
    np.save(tmp_path / "values.npy", COLUMN[0])
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    (values,) = ragged.take((mapped, COLUMN[1]), np.array([0]))
    assert type(values) is np.ndarray
    assert values.base is not None  # a view: nothing was read


def test_a_part_is_found_as_a_loop_finds_it():
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(500):
        # Values whose bytes repeat, so that a match may begin inside a value.
        values = rng.choice([1, 256, 257, 65536], rng.integers(0, 9)).astype(np.uint32)
        part = rng.choice([1, 256, 257, 65536], rng.integers(0, 4)).astype(np.int32)
        there = any(
            values[at : at + len(part)].tolist() == part.tolist() for at in range(len(values) + 1)
        )
        assert ragged.contains(values, part) == there
        outcomes.add(there)
    assert outcomes == {True, False}
    assert not ragged.contains(np.array([256, 0], np.uint16), np.array([1]))
