# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 and the fusion stand beside the dense ranking."""

import numpy as np

from realm_tf.commands import retrievers
from realm_tf.data.questions import questions as open_qa
from realm_tf.retrieval import bm25, fusion
from tests.training import runs


def _questions(table):
    return [
        open_qa.Question(str(row), table.text(row), (table.text(row),), (table.doc_id(row),))
        for row in range(len(table))
    ]


def test_bm25_and_fusion(tmp_path):
    context = runs.make_context(tmp_path, runs.make_config("evaluation.recall_at=[1, 5]"))
    table, settings = context.knowledge, context.config.retrieval.fusion
    questions = _questions(table)
    size = len(questions)
    wrong = (np.arange(size)[:, None] + np.arange(1, size + 1)) % size  # the right row is the last
    found = retrievers.compare(context, questions, {"dense": wrong})
    texts = [f"{table.title(row)} {table.text(row)}" for row in range(size)]
    words = bm25.Bm25(texts, settings).search([q.question for q in questions], size).rows
    fused = fusion.fuse([words, wrong], size, settings).rows
    expected = {"bm25": words, "dense": wrong, "bm25+dense": fused}
    assert found == {
        name: retrievers.recall(context, rows, questions) for name, rows in expected.items()
    }
    assert found["dense"]["recall@1"] < found["bm25"]["recall@1"]


def test_bm25_is_left_out_of_a_large_corpus(tmp_path):
    config = runs.make_config("evaluation.recall_at=[1]", "retrieval.fusion.max_blocks=3")
    context = runs.make_context(tmp_path, config)
    questions = _questions(context.knowledge)
    right = np.arange(len(questions))[:, None]
    expected = {"recall@1": 1.0, "gold_recall@1": 1.0}
    assert retrievers.compare(context, questions, {"dense": right}) == {"dense": expected}
