# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 against its formula, in scripts with and without white space."""

import collections
import math

import numpy as np
import pytest

from realm_tf import config
from realm_tf.retrieval import bm25

TEXTS = [
    "The lake lies in the city, and the city at the lake.",
    "A river.",
    "River, city; a city of rivers!",
    "Zürich liegt an der Limmat.",
    "現任市長是王小明先生。",
    "王先生在東京。",
    "Ein See",
    "",
]


def _expected(query, texts, k1, b):
    """Lucene's BM25, word by word."""
    counts = [collections.Counter(text) for text in texts]
    mean = np.mean([len(text) for text in texts])
    scores = []
    for text, count in zip(texts, counts, strict=True):
        score = 0.0
        for word in query:
            holders = sum(word in other for other in counts)
            idf = math.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
            length = k1 * (1 - b + b * len(text) / mean)
            score += idf * count[word] / (count[word] + length)
        scores.append(score)
    return np.array(scores)


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (1.2, 0.0)])
def test_scores_are_those_of_the_formula(k1, b):
    words = [
        ["lake", "lies", "in", "city", "and", "city", "at", "lake"],
        ["river"],
        ["river", "city", "city", "of", "rivers"],
        ["zürich", "liegt", "an", "der", "limmat"],  # NFD; "an" is an article below
        list("現任市長是王小明先生"),
        list("王先生在東京"),
        ["ein", "see"],
        [],
    ]
    words[3].remove("an")
    searched = bm25.Bm25(TEXTS, config.FusionConfig(k1=k1, b=b))
    found = searched.search(["What city is at a RIVER?", "Zürich"], len(TEXTS))
    expected = _expected(["what", "city", "is", "at", "river"], words, k1, b)
    order = np.argsort(-expected, kind="stable")[:3]
    assert found.rows[0].tolist() == [*order.tolist(), *[-1] * 5]
    np.testing.assert_allclose(found.scores[0, :3], expected[order], rtol=1e-5)
    assert (found.scores[0, 3:] == -np.inf).all()
    assert found.rows[1].tolist() == [3, *[-1] * 7]


def test_scripts_without_white_space():
    searched = bm25.Bm25(TEXTS, config.FusionConfig())
    assert searched.search(["王小明?", "東京在哪裡"], 3).rows.tolist() == [[4, 5, -1], [5, -1, -1]]


def test_equal_scores_are_in_the_order_of_the_rows():
    searched = bm25.Bm25(["x", "a lake", "a lake", "lake", "lake"], config.FusionConfig())
    for k, expected in ((1, [1]), (3, [1, 2, 3]), (9, [1, 2, 3, 4, *[-1] * 5])):
        assert searched.search(["lake"], k).rows.tolist() == [expected]


def test_nothing_is_found_where_no_word_is_shared():
    found = bm25.Bm25(TEXTS, config.FusionConfig()).search(["nowhere", "", "The?"], 2)
    assert found.rows.tolist() == [[-1, -1]] * 3
    for texts in ([], ["", "!"]):
        assert bm25.Bm25(texts, config.FusionConfig()).search(["a lake"], 1).rows.tolist() == [[-1]]


def test_the_first_words_of_a_question_count():
    searched = bm25.Bm25(TEXTS, config.FusionConfig())
    many = "nowhere " * (bm25.MAX_WORDS - 1)
    assert searched.search([f"{many} limmat", f"{many} nowhere limmat"], 1).rows.tolist() == [
        [3],
        [-1],
    ]


def test_postings_of_no_words():
    made = bm25.Bm25(["", "!"], config.FusionConfig()).postings()
    assert (len(made.words), len(made.starts), len(made.rows), len(made.scores)) == (0, 1, 0, 0)


def test_library_tells_nothing_of_its_steps(caplog):
    bm25.Bm25(TEXTS, config.FusionConfig())
    assert not caplog.records
