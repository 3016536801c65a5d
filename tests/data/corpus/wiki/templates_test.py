# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Templates whose arguments stand in a sentence."""

import pytest

from realm_tf.data.corpus.wiki import templates as wiki_templates


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("lang", ["fr", "mot"], "mot"),
        ("Lang", ["fr"], ""),
        ("lang-fr", ["mot"], "mot"),
        ("Nowrap", ["a b"], "a b"),
        ("convert", ["5", "km", "mi"], "5 km"),
        ("convert", ["5", "-", "7", "km"], "5 to 7 km"),
        ("cvt", ["3", "x", "4", "m"], "3 by 4 m"),
        ("convert", ["\u22125.5", "C"], "\u22125.5 C"),
        ("convert", [], ""),
        ("circa", [], "c."),
        ("c.", ["1900"], "c. 1900"),
        ("as_of", ["2010", "5"], "as of 2010 5"),
        ("spaced ndash", [], " \u2013 "),
        ("Infobox town", ["a"], ""),
        ("cite web", ["a"], ""),
    ],
)
def test_each(name, arguments, expected):
    assert wiki_templates.shown(name, arguments) == expected
