# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a fine-tuned system retrieves: ranks, blocks, and what its reader can point to."""

import json

import pytest
import tensorflow as tf

from realm_tf.commands import evidence, measure
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import predictions, retrieval_ranks
from realm_tf.training.run import system as system_lib
from tests.training import runs

NUM_READ = 3


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    config = runs.make_config(
        f"open_qa.num_read={NUM_READ}",
        "open_qa.num_searched=10000",
        "open_qa.reader_length=24",
        "evaluation.recall_at=[1, 5]",
    )
    return runs.make_context(tmp_path_factory.mktemp("run"), config)


@pytest.fixture(scope="module")
def system(context):
    return runs.random_system(context)


@pytest.fixture(scope="module")
def module(context, system):
    vocab_size = context.tokenizer.vocab_size
    model = system_lib.open_qa_model(context.config.model, vocab_size, system)
    return runs.qa_module(context, system, model)


@pytest.fixture(scope="module")
def questions(context):
    """One about every block, answered by its last words."""
    table = context.knowledge
    return [
        open_qa.Question(
            str(row),
            table.text(row)[:20],
            (" ".join(table.text(row).split()[-2:]),),
            (table.doc_id(row),) if row % 2 else (),
        )
        for row in range(len(table))
    ]


def _find(context, module, questions):
    return evidence.of(context, questions, evidence.search(context, module, questions))


def test_ranks_and_blocks_are_those_of_the_search(context, module, questions):
    table = context.knowledge
    found = _find(context, module, questions)
    texts = tf.constant([question.question for question in questions])
    rows = module.search(texts, tf.fill([len(questions)], len(table)))[0].numpy().tolist()
    for question, one, ranking in zip(questions, found, rows, strict=True):
        assert one.depth == 5
        assert [b.text for b in one.blocks] == [table.text(row) for row in ranking[:NUM_READ]]
        docs = list(dict.fromkeys(table.doc_id(row) for row in ranking))
        expected = docs.index(question.doc_ids[0]) if question.doc_ids else None
        assert one.gold_rank == expected  # however deep
        held = [retrieval_ranks.holds_answer(table.text(row), question) for row in ranking[:5]]
        assert one.answer_rank == (held.index(True) if any(held) else None)
        assert [b.holds_answer for b in one.blocks] == held[:NUM_READ]
    assert {one.answer_rank is None for one in found} == {True, False}


def test_the_reader_cannot_point_behind_what_it_reads(context, module, questions):
    found = _find(context, module, questions)
    held = [one for one in found if any(block.holds_answer for block in one.blocks)]
    assert held
    assert not all(one.is_readable for one in held)
    first_words = [
        open_qa.Question(q.question_id, q.question, (q.question.split()[0],)) for q in questions
    ]
    assert any(one.is_readable for one in _find(context, module, first_words))


def test_predictions_hold_what_was_found(context, system, module, questions, tmp_path):
    figures = measure.measure(context, system, module, questions, str(tmp_path))
    assert figures["questions"] == len(questions)
    assert 0 <= figures["fine_tuned_recall@1"] <= figures["fine_tuned_recall@5"] <= 1
    assert figures["intervals"].keys() <= figures.keys()
    assert json.dumps(figures)
    names = {"bm25", "dense", "fine_tuned", "bm25+dense", "bm25+fine_tuned"}
    assert figures["retrievers"].keys() == names
    assert figures["retrievers"]["dense"]["recall@5"] == figures["recall@5"]
    assert figures["retrievers"]["fine_tuned"]["recall@5"] == figures["fine_tuned_recall@5"]
    of_answers = {name: f for name, f in figures["retrievers"].items() if "exact_match" in f}
    assert of_answers.keys() == {"fine_tuned"}
    assert of_answers["fine_tuned"]["exact_match"] == figures["exact_match"]
    assert predictions.files(str(tmp_path)).keys() == {"random"}
    read = predictions.read(str(tmp_path / "predictions_random.jsonl"))
    assert [p.question for p in read] == questions
    assert [p.evidence for p in read] == _find(context, module, questions)
    assert all(p.ranked[0].block_id in {b.block_id for b in p.evidence.blocks} for p in read)
