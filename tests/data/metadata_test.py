# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Values of metadata are taken as their types, or refused in one sentence."""

import datetime

import pyarrow as pa
import pytest

from realm_tf.data import metadata

DAY = datetime.date(2024, 5, 31)


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("string", "Æsop, the elder", "Æsop, the elder"),
        ("string", " en ", " en "),
        ("string", 17, "17"),
        ("string", "  ", None),
        ("number", 2020, 2020.0),
        ("number", -1.5, -1.5),
        ("number", " 1e3 ", 1000.0),
        ("number", "", None),
        ("number", None, None),
        ("date", "2024-05-31", DAY),
        ("date", " 2024-05-31T23:59:59+02:00", DAY),
        ("date", "2024-05-31 01:00:00", DAY),
        ("date", datetime.datetime(2024, 5, 31, 12), DAY),
        ("date", DAY, DAY),
        ("date", None, None),
    ],
)
def test_value(kind, given, value):
    assert metadata.value(kind, given) == value
    assert pa.array([metadata.value(kind, given)], metadata.ARROW[kind]).to_pylist() == [value]


@pytest.mark.parametrize(
    ("kind", "given", "needed"),
    [
        ("string", ["en"], "a text"),
        ("string", True, "a text"),
        ("string", 1.5, "a text"),
        ("string", "\ud800", "a text"),
        ("number", "many", "a number"),
        ("number", False, "a number"),
        ("number", "nan", "a number"),
        ("number", float("inf"), "a number"),
        ("number", "1_000", "a number"),
        ("number", 10**400, "a number"),
        ("number", {}, "a number"),
        ("date", "last year", "a date as in ISO 8601"),
        ("date", "2024-02-30", "a date as in ISO 8601"),
        ("date", 2024, "a date as in ISO 8601"),
    ],
)
def test_what_is_no_value_is_refused(kind, given, needed):
    with pytest.raises(metadata.WrongValueError, match=f"it must be {needed}.*Received: "):
        metadata.value(kind, given)


def test_types_of_columns():
    assert {metadata.type_of(arrow): arrow for arrow in metadata.ARROW.values()} == metadata.ARROW
