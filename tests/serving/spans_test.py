# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Choosing spans, against plain loops."""

import unicodedata

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.text import answer_matching
from serving import spans


def test_best_spans_are_those_of_highest_logit():
    logits = np.random.default_rng(0).standard_normal((3, 7, 4)).astype(np.float32)
    found = spans.best(tf.constant(logits), 10)
    for block in range(3):
        expected = sorted(np.ndindex(7, 4), key=lambda place: -logits[block][place])[:10]
        assert found.first[block].numpy().tolist() == [first for first, _ in expected]
        assert found.last[block].numpy().tolist() == [first + more for first, more in expected]
        np.testing.assert_array_equal(
            found.logit[block], [logits[block][place] for place in expected]
        )


def test_places_without_a_span_say_so():
    found = spans.best(tf.zeros([1, 2, 3]), 10)
    assert found.logit.numpy().tolist() == [[0.0] * 6 + [spans.NO_ANSWER] * 4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Paris of an Old", "paris of old"),
        ("U.S.A.", "usa"),
        ("a", ""),
        ("L’ÉTÉ", "l’été"),
        ("25 °C, (warm)", "25 °c warm"),
        ("anthem", "anthem"),
        ("「東京」。", "東京"),
        ("राजा।", "राजा"),
        ("a b\u3000c\u00a0d", "b c d"),
        ("[a-z]\\^", "az"),
    ],
)
def test_normalisation_is_that_of_the_metrics(text, expected):
    found = spans.normalize(tf.constant(text)).numpy().decode()
    assert found == expected
    assert unicodedata.normalize("NFD", found) == answer_matching.normalize(text)
