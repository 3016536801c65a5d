# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Apostrophes that are text, and those that are marks."""

import time

import pytest

from realm_tf.data.corpus.wiki import quotes


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("''a'' '''b''' '''''c'''''", "a b c"),
        # One bold mark too many: MediaWiki takes that behind a word of one letter first.
        ("ten '''x l'''eau'' b''' y", "ten x l'eau b y"),
        ("''Moor'''s crew", "Moor's crew"),
        (" '''x''", " 'x"),
        # Two slips in a line.
        ("''Moor'''s crew, ''x'', ''Ann'''s", "Moor's crew, x, Ann's"),
        ("''Moor'''s. ''x''. '''b'''. L'''eau''.", "Moor's. x. b. L'eau."),
        ("''A'''s, ''B'''s and ''C'''s '''x'''", "A's, B's and C's x"),
        # Bold inside of words and of italics.
        ("'''N'''orth '''A'''tlantic, re'''mark'''able", "North Atlantic, remarkable"),
        ("''re'''mark'''able'' '''''a''' b'', '''''a'' b'''", "remarkable a b, a b"),
        ("'''a ''b''' c''", "a b c"),
        ("''a'''''b''' '''a'''''b''", "ab ab"),
    ],
)
def test_remove(source, expected):
    assert quotes.remove(source) == expected


def test_time_is_linear():
    start = time.process_time()
    quotes.remove("a'''b''" * 20_000)
    quotes.remove("a'''b" * 20_001)
    assert time.process_time() - start < 3
