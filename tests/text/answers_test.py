# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers are compared as the field's evaluation scripts do."""

import pytest

from realm_tf import types
from realm_tf.text import answers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel-Tower!", "eiffeltower"),
        ("a an the", ""),
        ("An apple; a day.", "apple day"),
        ("Caf\u00e9", "cafe\u0301"),
        ("Theatre", "theatre"),
        ("", ""),
    ],
)
def test_normalize(text, expected):
    assert answers.normalize(text) == expected


def test_exact_match():
    assert answers.exact_match("the Beatles.", ["Stones", "Beatles"])
    assert answers.exact_match("Caf\u00e9", ["cafe\u0301"])
    assert not answers.exact_match("Beatles band", ["Beatles"])
    assert not answers.exact_match("Beatles", [])


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("a cat sat", ["the cat sat down"], 2 * 1.0 * (2 / 3) / (1 + 2 / 3)),
        ("cat", ["dog", "cat"], 1.0),
        ("cat cat", ["cat"], 2 * 0.5 * 1 / 1.5),
        ("cat", ["dog"], 0.0),
        ("the", ["a"], 1.0),
        ("the", ["cat"], 0.0),
        ("cat", [], 0.0),
    ],
)
def test_f1(prediction, gold, expected):
    assert answers.f1(prediction, gold) == pytest.approx(expected)


def test_regex_match():
    assert answers.regex_match("December 5, 1990", [r"dec\w* 5"])
    assert not answers.regex_match("on December 5", [r"dec\w* 5"])  # from the start, as DrQA
    assert answers.regex_match("b", ["a", "b"])
    with pytest.raises(types.UserError, match=r"regular expression.*'\('"):
        answers.regex_match("x", ["("])


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("He lived in New-York City.", ["new york"], True),
        ("He lived in Newark.", ["New"], False),
        ("the band The Beatles played", ["Beatles"], True),
        ("Caf\u00e9 Flore", ["cafe\u0301"], True),
        ("na\u00efve", ["ve"], False),
        ("anything", ["", "!", "the"], False),
        ("1914–1918", ["1918"], True),
    ],
)
def test_contains(text, gold, expected):
    assert answers.contains(text, gold) is expected


def test_find_gives_bytes_of_whole_words():
    text = "Émile saw PARIS, Paris\n Match, parisian paris."
    spans = answers.find(text, ["Paris", "paris match", "paris", ""])
    assert [text.encode()[a:b].decode() for a, b in spans] == [
        "PARIS",
        "Paris",
        "Paris\n Match",
        "paris",
    ]
    assert spans == sorted(spans)


def test_find_takes_answers_literally():
    assert answers.find("cost $5.0 (net)", ["$5.0", "(net)", ".*"]) == [(5, 9), (10, 15)]
