# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Recall of a system, against a loop over its whole ranking."""

import numpy as np

from realm_tf.commands import measure, retrievers
from realm_tf.data.questions import questions as open_qa
from realm_tf.retrieval import retriever as retriever_lib
from tests.training import runs

CUTOFFS = (1, 3)


def _document_rank(ranking, wanted):
    """Place of a document where all of its blocks together take one place."""
    return list(dict.fromkeys(ranking)).index(wanted)


def test_recall_counts_blocks_by_answer_and_documents_by_name(tmp_path):
    context = runs.make_context(
        tmp_path,
        runs.make_config(f"evaluation.recall_at={list(CUTOFFS)}", "open_qa.num_searched=10000"),
    )
    system, table = runs.random_system(context), context.knowledge
    doc_ids = [table.block(row).doc_id for row in range(len(table))]
    assert len(set(doc_ids)) < len(doc_ids)
    questions = [
        open_qa.Question(doc_id, table.text(row)[:30], (table.text(row)[:12],), (doc_id,))
        for row, doc_id in enumerate(doc_ids)
    ]
    found = measure.search(context, system, questions).rows
    figures = retrievers.recall(context, found, questions)
    retriever = retriever_lib.Retriever.open(system.snapshot)
    texts = [question.question for question in questions]
    rows = measure.retrieve(context, retriever, texts, len(table)).rows
    by_document = [
        _document_rank([doc_ids[row] for row in found], question.doc_ids[0])
        for found, question in zip(rows.tolist(), questions, strict=True)
    ]
    by_block = [
        [doc_ids[row] for row in found].index(question.doc_ids[0])
        for found, question in zip(rows.tolist(), questions, strict=True)
    ]
    assert sum(by_document) < sum(by_block)
    for k in CUTOFFS:
        assert figures[f"gold_recall@{k}"] == np.mean(np.array(by_document) < k)
    assert figures.keys() == {f"{name}@{k}" for name in ("recall", "gold_recall") for k in CUTOFFS}
