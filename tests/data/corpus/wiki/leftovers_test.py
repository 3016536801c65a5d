# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What dropped templates leave in prose."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf.data.corpus.wiki import leftovers as wiki_leftovers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kyiv () is", "Kyiv is"),
        ("Tokyo ( ; officially) is", "Tokyo (officially) is"),
        ("Ann (, ; ) and (born 1950; ) and [ ] it", "Ann and (born 1950) and it"),
        ("()\nline", "\nline"),
        ("a  b , c .", "a b, c."),
        ("call main() or f( x )", "call main() or f(x)"),
        ("(a) [b] 3.5 .5 :-)", "(a) [b] 3.5 .5 :-)"),
        ("a .NET b", "a .NET b"),
    ],
)
def test_each(text, expected):
    assert wiki_leftovers.tidy(text) == expected


@given(st.text("ab ()[],;:.\n", max_size=40))
def test_letters_stay(text):
    letters = [c for c in text if c in "ab"]
    assert [c for c in wiki_leftovers.tidy(text) if c in "ab"] == letters


@pytest.mark.parametrize(
    "text", ["(" * 300_000, " ," * 300_000, "(" + "; " * 300_000, " " * 600_000 + "x"]
)
def test_time_is_linear(text):
    start = time.process_time()
    wiki_leftovers.tidy(text)
    assert time.process_time() - start < 2
