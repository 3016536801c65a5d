# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The nouns are values: compared, and never changed."""

import dataclasses

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
