# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the tables say of characters; `graph_words_test` folds whole texts by them."""

import numpy as np

from realm_tf.text import fold_tables


def _of(table):
    return dict(zip(*(part.tolist() for part in table), strict=True))


def test_characters_become_those_of_nfd_in_lower_case():
    becomes = _of(fold_tables.folded())
    for character, text in {
        "A": "a",
        "\u00c5": "a\u030a",
        "\u0130": "i\u0307",
        "\uac01": "\u1100\u1161\u11a8",
        "\u1e9b": "\u017f\u0307",
    }.items():
        padding = [-1] * (fold_tables.MOST - len(text))
        assert becomes[ord(character)] == [*map(ord, text), *padding]
    assert not {ord("a"), ord("ß"), fold_tables.CAPITAL_SIGMA} & becomes.keys()


def test_properties():
    of = _of(fold_tables.properties())
    assert of[0x301] == 230 + fold_tables.IGNORED
    assert of[ord("a")] == of[fold_tables.CAPITAL_SIGMA] == fold_tables.CASED
    assert of[ord("'")] == fold_tables.IGNORED
    assert not {ord(" "), ord("1"), ord("東")} & of.keys()


def test_characters_ascend():
    for characters, _ in (fold_tables.folded(), fold_tables.properties()):
        assert (np.diff(characters) > 0).all()
