# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Characters to bytes and back, and spans of bytes in brackets."""

from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf.text import offsets


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8")), st.data())
def test_slices_are_the_same_text(text, data):
    place = st.integers(0, len(text))
    spans = [tuple(sorted(data.draw(st.tuples(place, place)))) for _ in range(3)]
    in_bytes = offsets.to_bytes(text, spans)
    for (a, b), (c, d) in zip(spans, in_bytes, strict=True):
        assert text[a:b] == text.encode()[c:d].decode()
    assert offsets.to_chars(text, in_bytes) == spans


def test_byte_offsets_of_every_width():
    assert offsets.byte_offsets("aé汶😀").tolist() == [0, 1, 3, 6, 10]
    assert offsets.byte_offsets("ab").tolist() == [0, 1, 2]
    assert offsets.to_bytes("é", []) == offsets.to_chars("é", []) == []


def test_bracket():
    assert offsets.bracket("ein café.".encode(), [(4, 9)]) == "ein [[café]]."
