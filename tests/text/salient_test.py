# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Names and dates together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf.text import salient, sentences


def tag(text: str) -> list[tuple[str, str]]:
    spans = salient.tag(text, sentences.split(text))
    return [(text.encode()[s.byte_start : s.byte_limit].decode(), s.label) for s in spans]


def test_dates_are_not_names_and_keep_their_place():
    assert tag("Élise met Kate on May 12, 2008 in October Hall.") == [
        ("Kate", "NAME"),
        ("May 12, 2008", "DATE"),
        ("October", "DATE"),
        ("Hall", "NAME"),
    ]


def test_date_rules_are_chosen():
    text = "Kate came am 5. Mai 1990."
    found = {rules: salient.tag(text, [(0, 25)], rules) for rules in ("en", "de", "none")}
    spans = {
        rules: [text[s.byte_start : s.byte_limit] for s in spans if s.label == salient.DATE]
        for rules, spans in found.items()
    }
    assert spans == {"de": ["5. Mai 1990"], "en": ["1990"], "none": []}


WORDS = st.sampled_from(
    [
        *("Paris", "Élise", "the", "of", "in", "May", "1990", "12", "é.", "A.", "'X'", "U.S."),
        *("\n", "\u2028", "19th", "century"),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(WORDS, st.text(st.characters(codec="utf-8"), max_size=4))))
def test_spans_of_any_text_are_whole_ordered_and_inside_sentences(words):
    text = " ".join(words)
    found = sentences.split(text)
    place = 0
    for start, limit, label in salient.tag(text, found):
        assert label in (salient.NAME, salient.DATE)
        assert place <= start < limit
        assert any(a <= start and limit <= b for a, b in found)
        span = text.encode()[start:limit].decode()
        assert span == span.strip()
        place = limit


@pytest.mark.parametrize(
    ("names", "dates", "expected"),
    [
        ([(0, 4, "PER")], [(5, 9, "DATE")], [(0, 4, "PER"), (5, 9, "DATE")]),
        ([(0, 20, "MISC")], [(4, 8, "DATE")], [(0, 20, "MISC")]),  # "the 1948 ... War"
        ([(0, 3, "PER"), (9, 12, "LOC")], [(0, 8, "DATE")], [(0, 8, "DATE"), (9, 12, "LOC")]),
        ([(0, 4, "LOC")], [(0, 4, "DATE")], [(0, 4, "DATE")]),  # equally long
        (
            [(2, 6, "LOC"), (6, 9, "LOC")],
            [(0, 3, "DATE"), (4, 7, "DATE")],
            [(2, 6, "LOC"), (6, 9, "LOC")],
        ),
        ([], [], []),
    ],
)
def test_of_overlapping_spans_the_longest_stays(names, dates, expected):
    spans = [[salient.SalientSpan(*s) for s in part] for part in (names, dates)]
    assert salient.merge(*spans) == expected
