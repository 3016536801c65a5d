# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows that hold answers: found in a table, and looked up for retrieved blocks."""

import numpy as np
import pytest

from realm_tf.data.questions import answer_rows, answer_search, questions
from realm_tf.text import answer_matching
from tests.data import example_passages

QUESTIONS = [
    questions.Question("0", "war in the river?", ("war", "river")),
    questions.Question("1", "lake", ("Lake Ohrid", "warsaw")),
    questions.Question("2", "where", ("nowhere at all",)),
    questions.Question("3", "when", (r"19\d\d", "lakes?"), is_regex=True),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    passages = example_passages.passages(seed=6, num_docs=25)
    return example_passages.table(tmp_path_factory.mktemp("rows"), passages)


def test_retrieved_rows_are_looked_up(table):
    search = answer_search.AnswerSearch(QUESTIONS)
    rows_done = []
    answers, rows = answer_rows.find(table, search, rows_done.append)
    assert rows_done == [*range(1, len(table) + 1)]
    assert np.all(np.diff(answers.astype(np.int64)) >= 0)
    known = answer_rows.AnswerRows(search, answers, rows.astype(np.int64))
    rng = np.random.default_rng(0)
    retrieved = np.stack([rng.permutation(len(table))[:9] for _ in range(8)])
    retrieved[2, 4:] = -1
    asked = [QUESTIONS[n] for n in (0, 1, 2, 3, 3, 2, 1, 0)]
    found = known.has_answer(asked, retrieved)
    wanted = [
        [row >= 0 and _holds(table.text(row), question) for row in of_one]
        for question, of_one in zip(asked, retrieved.tolist(), strict=True)
    ]
    assert found.tolist() == wanted
    assert 0 < found.sum() < found.size


def _holds(text, question):
    contains = answer_matching.regex_contains if question.is_regex else answer_matching.contains
    return contains(text, question.answers)


def test_nothing_is_found_of_nothing(table):
    search = answer_search.AnswerSearch(QUESTIONS[2:3])
    answers, rows = answer_rows.find(table, search)
    known = answer_rows.AnswerRows(search, answers, rows.astype(np.int64))
    assert not known.has_answer([QUESTIONS[2]], np.array([[0, 1, -1]])).any()
