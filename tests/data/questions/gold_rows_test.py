# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The blocks of named documents: those with the answer, or all; and what a retriever must find."""

import numpy as np
import pytest

from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows, answer_search, gold_rows
from realm_tf.data.questions import questions as questions_lib
from tests.data import example_passages


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    root = tmp_path_factory.mktemp("blocks")
    passages = example_passages.passages(seed=4, num_docs=24)
    return block_table.BlockTable.open(example_passages.segments(root, passages)[0])


@pytest.fixture(scope="module")
def asked(table):
    """One for every document, answered by the last words of one of its blocks; and strangers."""
    doc_ids = [table.doc_id(row) for row in range(len(table))]
    found = []
    for doc_id in dict.fromkeys(doc_ids):
        row = len(doc_ids) - 1 - doc_ids[::-1].index(doc_id)
        words = " ".join(table.text(row).split()[-4:])
        found.append(questions_lib.Question(doc_id, "?", (words,), (doc_id,)))
    several = questions_lib.Question("two", "?", ("nowhere",), tuple(dict.fromkeys(doc_ids))[3:5])
    return [
        *found,
        several,
        questions_lib.Question("gone", "?", found[0].answers, ("no such document",)),
        questions_lib.Question("unnamed", "?", found[0].answers),
    ]


@pytest.fixture(scope="module")
def holding(table, asked):
    search = answer_search.AnswerSearch(asked, "normalised")
    answers, rows = answer_rows.find(table, search)
    return answer_rows.AnswerRows(search, answers, rows.astype(np.int64))


def test_rows_of_named_documents(table, asked, holding):
    gold = gold_rows.GoldRows(table, holding)
    narrowed = 0
    for question in asked:
        named = [r for r in range(len(table)) if table.doc_id(r) in question.doc_ids]
        holds = holding.has_answer([question], np.array([named], np.int64))[0]
        expected = [row for row, held in zip(named, holds, strict=True) if held] or named
        narrowed += len(expected) < len(named)
        assert gold.of(question).tolist() == expected
    assert narrowed
    assert not len(gold.of(asked[-1]))


def test_what_the_retriever_has_to_find(table, asked, holding):
    gold = gold_rows.GoldRows(table, holding)
    every = np.tile(np.append(np.arange(len(table)), -1), (len(asked), 1))
    found = gold.has_answer(asked, every)
    by_answer = holding.has_answer(asked, every)
    for place, question in enumerate(asked):
        rows = gold.of(question).tolist()
        expected = rows or np.flatnonzero(by_answer[place]).tolist()
        assert np.flatnonzero(found[place]).tolist() == expected
    assert by_answer[-1].any()  # what names no document is taught by its answers
