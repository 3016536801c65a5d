# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 in the graph finds the rows of BM25 on the host, in the same order."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config
from realm_tf.retrieval import bm25
from serving import word_search

RNG = np.random.default_rng(4)
# Few words and lengths, so that many rows score alike but for the order of their sums.
WORDS = [f"w{number}" for number in range(40)]
WEIGHTS = 1.0 / np.arange(1, 41)
TEXTS = [
    " ".join(RNG.choice(WORDS, RNG.integers(0, 12), p=WEIGHTS / WEIGHTS.sum())) for _ in range(1500)
]
QUESTIONS = [
    " ".join(RNG.choice([*WORDS, "unknown", "the"], RNG.integers(0, 9))) for _ in range(60)
] + ["w1 " * 200 + "w2 " * 200]


@pytest.fixture(scope="module", params=[(0.9, 0.4), (1.2, 0.0)], ids=str)
def host(request):
    k1, b = request.param
    return bm25.Bm25(TEXTS, config.FusionConfig(k1=k1, b=b))


@pytest.mark.parametrize("count", [1, 100, len(TEXTS)])
def test_rows_are_those_of_the_host(host, count):
    search = word_search.WordSearch(host.postings(), len(TEXTS))
    expected = host.search(QUESTIONS, count).rows
    find = tf.function(search.find, autograph=False, reduce_retracing=True)
    for words, rows in zip(search.known(tf.constant(QUESTIONS)), expected, strict=True):
        np.testing.assert_array_equal(find(words, tf.constant(count)), rows)


def test_rows_that_are_allowed(host):
    search = word_search.WordSearch(host.postings(), len(TEXTS))
    allowed = np.arange(len(TEXTS)) % 3 == 1
    for words, rows in zip(
        search.known(tf.constant(QUESTIONS)), host.search(QUESTIONS, len(TEXTS)).rows, strict=True
    ):
        expected = [row for row in rows.tolist() if row >= 0 and allowed[row]]
        found = search.find(words, len(TEXTS), tf.constant(allowed)).numpy()
        assert found[found >= 0].tolist() == expected


def test_postings(host):
    made = host.postings()
    assert made.starts[-1] == len(made.rows) == len(made.scores)
    for number, word in enumerate(made.words):
        rows = made.rows[made.starts[number] : made.starts[number + 1]]
        holders = [row for row, text in enumerate(TEXTS) if word in text.split()]
        assert rows.tolist() == holders
