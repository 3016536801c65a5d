# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Templates whose arguments stand in a sentence."""

import pytest

from realm_tf.data.corpus.wiki import templates as wiki_templates


def shown(name, *positional, in_sentence=False, **named):
    arguments = {str(place): text for place, text in enumerate(positional, 1)} | named
    return wiki_templates.shown(name, arguments, in_sentence=in_sentence)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("lang", ["fr", "mot"], "mot"),
        ("Lang", ["fr"], ""),
        ("lang-fr", ["mot"], "mot"),
        ("Nowrap", ["a b"], "a b"),
        ("Template:nowrap", ["a b"], "a b"),
        ("convert", ["5", "km", "mi"], "5 km"),
        ("convert", ["5", "-", "7", "km"], "5 to 7 km"),
        ("convert", ["5", "km", "0"], "5 km"),
        ("convert", ["5", "km", "mi", "0"], "5 km"),
        ("convert", ["5", "ft", "6", "in", "cm"], "5 ft 6 in"),
        ("cvt", ["3", "x", "4", "m"], "3 by 4 m"),
        ("convert", ["\u22125.5", "C"], "\u22125.5 C"),
        ("convert", [], ""),
        ("circa", [], "c."),
        ("c.", ["1900"], "c. 1900"),
        ("circa", ["1900", "1910"], "c. 1900 \u2013 c. 1910"),
        ("as_of", ["2010", "5"], "as of May 2010"),
        ("as of", ["2010"], "as of 2010"),
        ("as of", ["2010", "13"], "as of 2010 13"),
        ("start date", ["2010", "05", "7"], "May 7, 2010"),
        ("frac", ["1", "2"], "1/2"),
        ("frac", ["3", "1", "2"], "3 1/2"),
        ("frac", ["3"], "1/3"),
        ("spaced ndash", [], " \u2013 "),
        ("Infobox town", ["a"], ""),
        ("cite web", ["a"], ""),
    ],
)
def test_each(name, arguments, expected):
    assert shown(name, *arguments) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("formatnum:1234567", {}, "1,234,567"),
        ("formatnum: -12345.6789 ", {}, "-12,345.6789"),
        ("FORMATNUM:999", {}, "999"),
        ("formatnum:0012 and 123456", {}, "0,012 and 123,456"),
        ("formatnum:1,234,567", {"1": "R"}, "1234567"),
        ("formatnum:1234", {"1": "NOSEP"}, "1234"),
        ("uc:abc: d", {}, "ABC: D"),
        ("ucfirst:abc", {}, "Abc"),
        ("lc:ABC", {}, "abc"),
        ("#if:", {"1": "then", "2": "else"}, "else"),
        ("#if: x", {"1": "then", "2": "else"}, "then"),
        ("#if:", {"1": "then"}, ""),
        ("#ifeq:a", {"1": "a", "2": "same", "3": "other"}, "same"),
        ("#ifeq:a", {"1": "b", "2": "same", "3": "other"}, "other"),
        ("DEFAULTSORT:Moor, Ann", {}, ""),
        ("#expr:1+1", {}, ""),
    ],
)
def test_functions(name, arguments, expected):
    assert wiki_templates.shown(name, arguments) == expected


def test_arguments_by_name():
    assert shown("quote", author="Ann", text="Said.") == "Said."
    assert shown("blockquote", "Said.", author="Ann") == "Said."
    assert shown("nowrap", text="a b") == "a b"


def test_one_argument_in_a_sentence_is_shown():
    assert shown("flag", "Norway", in_sentence=True) == "Norway"
    assert shown("flag", "Norway") == ""
    assert shown("ship", "USS", "Moor", in_sentence=True) == ""
    assert shown("birth", "1950", df="yes", in_sentence=True) == ""
    assert shown("unknown", "A long note. " * 9, in_sentence=True) == ""
    for name in ("sfn", "Efn-ua", "refn", "cite", "harvnb", "r", "rp", "cn", "anchor", "coord"):
        assert shown(name, "Moor", in_sentence=True) == ""
