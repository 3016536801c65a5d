# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sentences cover a text, whatever it holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf.text import sentences


def split(text: str, language: str = "en") -> list[str]:
    return [text.encode()[a:b].decode() for a, b in sentences.split(text, language)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two!  Three?", ["One.", "Two!", "Three?"]),
        (
            "Dr. Smith saw J. K. Rowling.\n\nThen he left. ",
            ["Dr. Smith saw J. K. Rowling.", "Then he left."],
        ),
        ("Ünder 😀. Überall é. Z", ["Ünder 😀.", "Überall é.", "Z"]),
        ("no end", ["no end"]),
        ("", []),
        (" \n\n ", []),
    ],
)
def test_splits(text, expected):
    assert split(text) == expected


def test_language_has_its_own_full_stop():
    assert split("これは本です。それもです。", "ja") == ["これは本です。", "それもです。"]


TEXT = st.text(
    st.one_of(st.sampled_from(". !?\n\"'AbcÉ。😀\u2028\x1f"), st.characters(codec="utf-8"))
)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_every_byte_but_white_space_between_is_in_one_sentence(text):
    data = text.encode()
    place = 0
    for start, limit in sentences.split(text):
        assert place <= start < limit
        assert data[place:start].decode().strip() == ""
        sentence = data[start:limit].decode()
        assert sentence == sentence.strip()
        place = limit
    assert data[place:].decode().strip() == ""
