# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which blocks stand among the searched ones, and which are read, by every setting."""

import dataclasses
import itertools

import numpy as np
import pytest

from realm_tf import config as config_lib
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import supervision, word_ranks

QUESTIONS = [questions_lib.Question(str(n), "?", ("x",)) for n in range(3)]
FOUND = np.array([[4, 7, 1, 2, 9, 3], [5, 6, 0, 8, -1, -1], [1, 2, 3, 4, 5, 6]])
# BM25 ranks for five questions, of which a training may ask some alone.
WORDS = np.array([[7, 20, 21, 22], [-1, -1, -1, -1], [30, 1, -1, -1], [0, 0, 0, 0]])
GOLD = ([21, 22], [], [50])


class _Gold:
    def of(self, question):
        return np.array(GOLD[int(question.question_id)], np.int64)


def _mixed(**settings):
    taught = config_lib.SupervisionConfig(**settings)
    config = config_lib.OpenQaConfig(num_searched=6, num_read=2, supervision=taught)
    every = [questions_lib.Question(n, "?", ("x",)) for n in ("0", "1", "2", "other")]
    ranks = word_ranks.WordRanks(every, WORDS.astype(np.int32))
    source = supervision.Supervision(
        config,
        word_ranks=ranks if taught.bm25_blocks else None,
        gold_rows=_Gold() if taught.passages != "none" else None,
    )
    return source.mixed(QUESTIONS, FOUND).tolist()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, FOUND.tolist()),
        # BM25's stand behind what is read; the last of what was found give way.
        ({"bm25_blocks": 2}, [[4, 7, 20, 1, 2, 9], [5, 6, 0, 8, -1, -1], [1, 2, 30, 3, 4, 5]]),
        (
            {"bm25_blocks": 3, "read": "bm25"},
            [[7, 20, 21, 4, 1, 2], [5, 6, 0, 8, -1, -1], [30, 1, 2, 3, 4, 5]],
        ),
        (
            {"bm25_blocks": 1, "read": "both"},
            [[7, 4, 1, 2, 9, 3], [5, 6, 0, 8, -1, -1], [30, 1, 2, 3, 4, 5]],
        ),
        # The reader's gold block is the best one, in the last place of those that are read.
        (
            {"passages": "reader"},
            [[4, 21, 7, 1, 2, 9], [5, 6, 0, 8, -1, -1], [1, 50, 2, 3, 4, 5]],
        ),
        (
            {"passages": "reader", "bm25_blocks": 4},
            [[4, 21, 7, 20, 22, 1], [5, 6, 0, 8, -1, -1], [1, 50, 30, 2, 3, 4]],
        ),
        # The retriever's are all searched, and not read for that.
        (
            {"passages": "retriever"},
            [[4, 7, 21, 22, 1, 2], [5, 6, 0, 8, -1, -1], [1, 2, 50, 3, 4, 5]],
        ),
        (
            {"passages": "both"},
            [[4, 21, 22, 7, 1, 2], [5, 6, 0, 8, -1, -1], [1, 50, 2, 3, 4, 5]],
        ),
    ],
)
def test_rows_of_a_batch(settings, expected):
    assert _mixed(**settings) == expected


def test_every_row_stands_once_and_gold_that_is_read_stays_where_it_is():
    names = [field.name for field in dataclasses.fields(config_lib.SupervisionConfig)]
    assert names == ["bm25_blocks", "read", "passages"]
    values = ((1, 4), ("dense", "bm25", "both"), ("none", "retriever", "reader", "both"))
    for chosen in itertools.product(*values):
        settings = dict(zip(names, chosen, strict=True))
        for place, rows in enumerate(_mixed(**settings)):
            there = [row for row in rows if row >= 0]
            assert len(set(there)) == len(there)
            assert there == rows[: len(there)]
            if settings["passages"] in ("reader", "both") and GOLD[place]:
                assert set(rows[:2]) & set(GOLD[place])
            if settings["passages"] in ("retriever", "both"):
                assert set(rows) >= set(GOLD[place])
