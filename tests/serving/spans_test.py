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
    logits = np.random.default_rng(0).standard_normal((2, 3, 7, 4)).astype(np.float32)
    found = spans.best(tf.constant(logits), 10)
    for row in range(2):
        expected = sorted(np.ndindex(3, 7, 4), key=lambda place: -logits[row][place])[:10]
        assert found.slot[row].numpy().tolist() == [slot for slot, _, _ in expected]
        assert found.first[row].numpy().tolist() == [first for _, first, _ in expected]
        assert found.last[row].numpy().tolist() == [first + more for _, first, more in expected]
        np.testing.assert_array_equal(found.score[row], [logits[row][place] for place in expected])


def test_best_spans_are_at_most_all():
    assert spans.best(tf.zeros([1, 1, 2, 3]), 10).score.shape == [1, 6]


def _candidates(slots):
    count = len(slots)
    place = tf.range(count, dtype=tf.int64)[tf.newaxis]
    score = -tf.range(count, dtype=tf.float32)[tf.newaxis]
    return spans.Candidates(score, tf.constant([slots], tf.int64), place, place)


def test_repetitions_in_one_block_are_left_out():
    texts = tf.constant([["Paris", "the Paris", "paris!", "Paris", "Rome"]])
    kept = spans.distinct(_candidates([0, 0, 0, 1, 0]), texts, 4)
    np.testing.assert_array_equal(kept.first[0][:3], [0, 3, 4])
    np.testing.assert_array_equal(kept.score[0], [0, -3, -4, spans.NO_ANSWER])


def test_distinct_keeps_the_best():
    kept = spans.distinct(_candidates([0, 0, 0]), tf.constant([["a b", "c", "d"]]), 2)
    np.testing.assert_array_equal(kept.first[0], [0, 1])


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
