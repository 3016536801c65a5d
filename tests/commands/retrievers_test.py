# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""BM25 and the fusion stand beside the dense ranking."""

import numpy as np

from realm_tf import types
from realm_tf.commands import retrievers
from realm_tf.data.questions import questions as open_qa
from realm_tf.retrieval import bm25, fusion
from tests.training import runs


def _questions(table):
    return [
        open_qa.Question(str(row), table.text(row), (table.text(row),), (table.doc_id(row),))
        for row in range(len(table))
    ]


def _found(rows):
    scores = np.linspace(1.0, 0.0, rows.shape[1], dtype=np.float32)
    return types.RetrievedBlocks(rows, np.broadcast_to(scores, rows.shape))


def _texts(table):
    return [f"{table.title(row)} {table.text(row)}" for row in range(len(table))]


def test_bm25_and_fusion(tmp_path):
    context = runs.make_context(tmp_path, runs.make_config("evaluation.recall_at=[1, 5]"))
    table, settings = context.knowledge, context.config.retrieval.fusion
    questions = _questions(table)
    size = len(questions)
    wrong = (np.arange(size)[:, None] + np.arange(1, size + 1)) % size  # the right row is the last
    dense = _found(wrong)
    found = retrievers.beside(context, questions, {"dense": dense})
    words = bm25.Bm25(_texts(table), settings).search([q.question for q in questions], size).rows
    fused = fusion.fuse([words, wrong], size, settings)
    assert list(found) == ["bm25", "dense", "bm25+dense"]
    assert found["dense"] is dense
    np.testing.assert_array_equal(found["bm25"].rows, words)
    np.testing.assert_array_equal(found["bm25+dense"].rows, fused.rows)
    recalls = {name: retrievers.recall(context, f.rows, questions) for name, f in found.items()}
    assert recalls["dense"]["recall@1"] < recalls["bm25"]["recall@1"]
    there = words >= 0
    places = np.broadcast_to(np.arange(1, size + 1), words.shape)
    by_place = np.log(1 / (settings.rank_constant + places[there]))
    np.testing.assert_allclose(found["bm25"].scores[there], by_place, rtol=1e-5)
    assert (found["bm25"].scores[~there] == -np.inf).all()
    np.testing.assert_allclose(found["bm25+dense"].scores, np.log(fused.scores), rtol=1e-5)


def test_bm25_is_left_out_of_a_large_corpus(tmp_path):
    config = runs.make_config("evaluation.recall_at=[1]", "retrieval.fusion.max_blocks=3")
    context = runs.make_context(tmp_path, config)
    questions = _questions(context.knowledge)
    right = _found(np.arange(len(questions))[:, None])
    assert retrievers.beside(context, questions, {"dense": right}) == {"dense": right}
    expected = {"recall@1": 1.0, "gold_recall@1": 1.0}
    assert retrievers.recall(context, right.rows, questions) == expected


def test_systems_of_one_evaluation_are_ranked_by_bm25_once(tmp_path, monkeypatch):
    context = runs.make_context(tmp_path)
    questions = _questions(context.knowledge)
    made, real = [], bm25.Bm25

    def counted(*args):
        made.append(args)
        return real(*args)

    monkeypatch.setattr(bm25, "Bm25", counted)
    right = _found(np.arange(len(questions))[:, None])
    first, second = (retrievers.beside(context, questions, {n: right})["bm25"] for n in "ab")
    assert len(made) == 1
    np.testing.assert_array_equal(first.rows, second.rows)
    retrievers.beside(context, questions[1:], {"a": _found(right.rows[1:])})
    assert len(made) == 2
