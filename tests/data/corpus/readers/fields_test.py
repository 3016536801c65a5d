# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Values of tables as JSON."""

import datetime
import decimal
import json

from realm_tf.data.corpus.readers import fields


def test_values_become_json():
    values = {
        "day": datetime.date(2020, 1, 2),
        "time": datetime.datetime(2020, 1, 2, 3, 4),
        "hour": datetime.time(3, 4),
        "span": datetime.timedelta(days=1),
        "price": decimal.Decimal("1.50"),
        "nothing": [float("nan"), float("inf"), None],
        "inner": {"key": (1, 2.5, True, b"x")},
    }
    plain = fields.plain(values)
    assert plain == {
        "day": "2020-01-02",
        "time": "2020-01-02T03:04:00",
        "hour": "03:04:00",
        "span": "1 day, 0:00:00",
        "price": "1.50",
        "nothing": [None, None, None],
        "inner": {"key": [1, 2.5, True, "x"]},
    }
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


def test_long_values_are_short_in_messages():
    assert fields.short("a" * 99) == "'" + "a" * 56 + "..."
    assert fields.short([1]) == "[1]"
