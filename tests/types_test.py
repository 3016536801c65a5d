# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The nouns are values: compared, and never changed."""

import dataclasses

import numpy as np
import pytest

from realm_tf import types


def test_user_error_is_a_value_error():
    assert issubclass(types.UserError, ValueError)


def test_documents_sort_by_id_then_place():
    places = [("1", "a", 2), ("1", "b", 1), ("2", "a", 1)]
    last, middle, first = (types.Document(*place, "", "text", "{}") for place in places[::-1])
    assert sorted([last, first, middle]) == [first, middle, last]


def test_nouns_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        types.Span(0, 1, 0, 1, "NAME").label = "DATE"


def test_encoder_inputs_are_in_the_order_that_encoders_take():
    assert types.EncoderInputs._fields == ("word_ids", "mask", "type_ids")


ROWS = [np.array(row, np.uint16) for row in ([1, 2, 3], [], [4], [5, 6])]


def _lists(ragged):
    return [row.tolist() for row in ragged.rows()]


def test_ragged_holds_rows():
    ragged = types.Ragged.of(ROWS, np.uint16)
    assert (ragged.values.dtype, ragged.offsets.dtype) == (np.uint16, np.int64)
    assert ragged.offsets.tolist() == [0, 3, 3, 4, 6]
    assert ragged.lengths.tolist() == [3, 0, 1, 2]
    assert len(ragged) == 4
    assert _lists(ragged) == [[1, 2, 3], [], [4], [5, 6]]
    assert len(types.Ragged.of([])) == 0


def test_ragged_rows_are_taken_in_any_order():
    ragged = types.Ragged.of(ROWS, np.uint16)
    taken = ragged.take(np.array([3, -1, 0, 3, 1]))
    assert _lists(taken) == [[5, 6], [], [1, 2, 3], [5, 6], []]
    assert taken.values.dtype == np.uint16
    assert _lists(ragged.take(np.zeros(0, np.int64))) == []
    assert _lists(types.Ragged.of([]).take(np.array([-1]))) == [[]]


def test_ragged_rows_are_repeated_and_cut():
    ragged = types.Ragged.of(ROWS, np.uint16)
    assert _lists(ragged.repeat(2)) == [[1, 2, 3]] * 2 + [[]] * 2 + [[4]] * 2 + [[5, 6]] * 2
    assert _lists(ragged.cut(1)) == [[1], [], [4], [5]]
    assert _lists(ragged.cut(np.array([2, 5, 0, 2]))) == [[1, 2], [], [], [5, 6]]
    assert ragged.cut(3) is ragged
