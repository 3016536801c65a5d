# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cleaning changes how a text is written, and does it once."""

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realm_tf.text import cleaning

# Much of what matters, and any character at all, halves of surrogate pairs among them.
AWKWARD = st.sampled_from(
    "a e\u0301\u0308\r\n\t\0\x0b\x0c\x85\xa0\xad\u2000\u2001\u2028\u200b\u3000\ufeff\xa8&;"
)
TEXTS = st.text(st.one_of(AWKWARD, st.characters(), st.characters(categories=["Cs"])))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("a\r\nb\rc\x0bd\x0ce\x85f\u2028g\u2029h", "a\nb\nc\nd\ne\nf\ng\nh"),
        ("a\n\n\n\nb \t\nc", "a\n\nb\nc"),
        ("a\xa0b\u2009c\u202fd", "a b c d"),
        ("a\u3000b", "a\u3000b"),
        ("a\0b\x1bc\x7fd\x9fe\ufefff\xadg\u200bh", "abcdefgh"),
        ("a\tb", "a\tb"),
        ("\n\t a \n", "a"),
        ("cafe\u0301", "caf\xe9"),
        ("e\xad\u0301", "\xe9"),  # what stood between them is gone first
        ("\ufb01 \u2460", "\ufb01 \u2460"),
        ("\ud800", "\ufffd"),
        ("&amp;lt; &nbsp;", "&amp;lt; &nbsp;"),
        ("\u200d\u200c", "\u200d\u200c"),  # joiners are part of words in Persian and Hindi
        ("\0\n\ufeff", ""),
    ],
)
def test_each_rule(text, expected):
    assert cleaning.clean(text) == expected


def test_options():
    assert cleaning.clean("\ufb01", form="NFKC") == "fi"
    assert cleaning.clean("e\u0301", form="none") == "e\u0301"
    assert (
        cleaning.clean("&amp;lt; a&nbsp;b &#0; &#128;", unescape=True) == "&lt; a b \ufffd \u20ac"
    )
    assert cleaning.clean_line(" A\n title\t of  lines ") == "A title of lines"


@given(text=TEXTS, form=st.sampled_from(["NFC", "NFKC", "none"]))
@example(text="\xa8", form="NFKC")
@example(text="a \u2028\r\n \n\nb", form="NFC")
def test_cleaning_twice_changes_nothing(text, form):
    once = cleaning.clean(text, form=form)
    assert cleaning.clean(once, form=form) == once
    line = cleaning.clean_line(text, form=form)
    assert cleaning.clean_line(line, form=form) == line


@given(text=TEXTS)
def test_what_is_clean(text):
    clean = cleaning.clean(text)
    clean.encode("utf-8")
    assert clean == clean.strip()
    assert unicodedata.is_normalized("NFC", clean)
    assert "\n\n\n" not in clean
    assert " \n" not in clean
    assert {c for c in clean if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}


@given(text=TEXTS)
def test_nothing_that_is_seen_is_lost(text):
    """Letters, digits, marks and punctuation stay, in their order, but for their composition."""

    def seen(string):
        decomposed = unicodedata.normalize("NFD", string)
        return [c for c in decomposed if unicodedata.category(c)[0] in "LNMPS"]

    assert seen(cleaning.clean(text)) == seen(text.replace("\ufffd", ""))[:0] + seen(
        "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in _visible(text))
    )


def _visible(text):
    return "".join(c for c in text if c not in "\xad\u200b\u2060\ufeff\ufffe\uffff")


@pytest.mark.parametrize(
    "text", [" " * 500_000 + "x", "a\n" * 200_000 + " " * 200_000 + "b", "\r" * 500_000]
)
def test_time_is_linear(text):
    start = time.process_time()
    cleaning.clean("x" + text)
    assert time.process_time() - start < 2
