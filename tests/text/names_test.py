# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs of capitalised words, and the capitals that mean nothing."""

import pytest

from realm_tf.text import names, sentences


def find(text: str) -> list[str]:
    return [text.encode()[a:b].decode() for a, b in names.find(text, sentences.split(text))]


@pytest.mark.parametrize(
    "name",
    [
        "Warsaw",
        "New York",
        "University of Chicago",
        "Louis XIV",
        "World War I",
        "BBC One",
        "House of the Dead",
        "Ludwig van Beethoven",
        "J. K. Rowling",
        "U.S. Senate",
        "St. Louis",
        "Jean-Paul Sartre",
        "O'Brien",
        "Charles d'Arc",
        "Bashar al-Assad",
        "Johnson & Johnson",
        "Gone With The Wind",
        "Áron Éluard",
        "NASA",
        "Ọ̀yọ́ Ìbàdàn",
        "Ny\u0303amata",
    ],
)
@pytest.mark.parametrize(
    "sentence", ["He saw {} there.", "In {} it is.", "Überall ({}), or {}'s x."]
)
def test_names_inside_sentences(name, sentence):
    assert find(sentence.format(name, name)) == [name] * sentence.count("{}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Beatles came.", ["Beatles"]),
        ("However, it rained. It was In The end.", []),
        ("In Paris he met Marie Curie.", ["Paris", "Marie Curie"]),
        ("France and Germany, Italy.", ["Germany", "Italy"]),
        ("He met Obama's White House staff.", ["Obama", "White House"]),
        ("A Paris-based firm of Anglo-Saxon origin.", ["Paris", "Anglo-Saxon"]),
        ("I and he, as I said on Monday.", []),
        ("It has vitamin C and H1N1 or Mr. too.", []),
        ("He saw parts I and II.", []),
    ],
)
def test_what_belongs_to_a_name(text, expected):
    assert find(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Birds fly.", []),  # a sentence's first word alone
        ("Warsaw is old. We love Warsaw.", ["Warsaw", "Warsaw"]),  # known from elsewhere
        ("Marie Curie won.", ["Marie Curie"]),
        ("Former Foxwoods staff. A former one.", ["Foxwoods"]),
        ("Members of Parliament met.", ["Parliament"]),
        ("University of Chicago won.", ["University of Chicago"]),
        ('He said, "Birds fly" to us.', []),
        ("Note: Birds fly.", []),
    ],
)
def test_first_words_of_sentences(text, expected):
    assert find(text) == expected


def test_name_does_not_reach_over_a_sentence_or_line():
    assert find("We saw Paris. London was next to Rome\nBerlin.") == ["Paris", "Rome"]


def test_heading_in_capitals_is_no_name():
    assert find("see " + "Very Long Heading " * 4) == []
