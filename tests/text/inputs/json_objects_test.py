# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is no JSON object is named by what it looks like, not in a parser's words."""

import pytest

from realm_tf.text.inputs import json_objects, lines


def test_objects():
    assert json_objects.parse(b' {"a": [1, null], "b": "\\ud83d\\ude00"} ') == {
        "a": [1, None],
        "b": "\U0001f600",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "does not end on its line. Is the file indented JSON"),
        (b'{"a": "b', "does not end on its line"),
        (b'{"a": 1,', "does not end on its line"),
        (b"[", "one JSON array"),
        (b'[{"a": 1},', "one JSON array"),
        (b'[{"a": 1}]', "a JSON object is needed. .* one JSON array"),
        (b'"a"', "a JSON object is needed. Received: 'a'"),
        (b'{"a": 1} {"b": 2}', "wrong at character 10"),
        (b"{'a': 1}", "wrong at character 2, \"'a': 1}\""),
        (b"# Read me", "the line begins with '# Read me', not with {"),
        (b"<p>a</p>", "XML or HTML"),
        (b"1\ta b", "a table with tabs"),
        (b"id,title", "a table or a text"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": "\\uD800"}', "half of a surrogate pair"),
        (b'{"\\udc00": 1}', "half of a surrogate pair"),
        (b'{"a": "\xff"}', "not UTF-8: its byte 8 is 0xFF"),
        (b"[" * 100_000, "invalid JSON"),
    ],
)
def test_what_is_none(line, message):
    with pytest.raises(lines.BadRecordError, match=message) as caught:
        json_objects.parse(line)
    assert "Expecting" not in str(caught.value)
    assert "line 1 column" not in str(caught.value)


def test_long_values_are_short_in_messages():
    assert json_objects.short("a" * 99) == "'" + "a" * 56 + "..."
    assert json_objects.short([1]) == "[1]"
