# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of the dual encoder: right blocks first, hard negatives behind, always the same."""

import numpy as np
import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import (
    answer_rows,
    answer_search,
    gold_rows,
    passage_batches,
    word_ranks,
)
from realm_tf.data.questions import questions as questions_lib
from realm_tf.retrieval import bm25
from realm_tf.text import answer_matching
from tests.data import example_passages

BLOCKS = config_lib.BlocksConfig(length=120)  # nothing is cut off
DEPTH = 12


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    root = tmp_path_factory.mktemp("blocks")
    passages = example_passages.passages(seed=4, num_docs=24)
    return block_table.BlockTable.open(example_passages.segments(root, passages)[0])


@pytest.fixture(scope="module")
def asked(table):
    """Questions with words of a block; every third names no document, and one has no answer."""
    found = []
    for row in range(0, len(table), 2):
        words = table.text(row).split()
        doc_ids = (table.doc_id(row),) if row % 3 else ()
        answer = " ".join(words[-3:])
        found.append(questions_lib.Question(str(row), " ".join(words[:4]), (answer,), doc_ids))
    return [*found, questions_lib.Question("nothing", "Qwxyz?", ("nowhere",))]


@pytest.fixture(scope="module")
def judge(table, asked):
    search = answer_search.AnswerSearch(asked, "normalised")
    answers, rows = answer_rows.find(table, search)
    holding = answer_rows.AnswerRows(search, answers, rows.astype(np.int64))
    texts = [question.question for question in asked]
    found = bm25.of_table(table, config_lib.FusionConfig(), "title_body").search(texts, DEPTH)
    ranks = word_ranks.WordRanks(asked, found.rows)
    return passage_batches.Judge(gold_rows.GoldRows(table, holding), holding, ranks)


def _batches(table, asked, judge, **settings):
    config = config_lib.DualEncoderConfig(batch_size=4, query_length=12, **settings)
    tokenizer = example_passages.tokenizer()
    return passage_batches.PassageBatches(asked, table, tokenizer, judge, config, BLOCKS, seed=1)


def _holds(table, row, question):
    return answer_matching.contains(table.text(row), question.answers)


def test_right_and_wrong_blocks(table, asked, judge):
    for question in asked[:-1]:
        row = int(question.question_id)
        right, hard = judge.right(question).tolist(), judge.hard(question).tolist()
        if question.doc_ids:
            assert row in right
            assert {table.doc_id(r) for r in right} == set(question.doc_ids)
        else:
            assert len(right) <= 1
        named = [r for r in range(len(table)) if table.doc_id(r) in question.doc_ids]
        known = right if not question.doc_ids or _holds(table, row, question) else named
        assert right == known
        assert all(_holds(table, r, question) for r in right) or right == named
        assert not any(_holds(table, r, question) for r in hard)
        assert not set(right) & set(hard)
    assert not len(judge.right(asked[-1]))


def test_rows_of_a_batch(table, asked, judge):
    batches = _batches(table, asked, judge, hard_negatives=2)
    every = table.take("token_ids", np.arange(len(table))).rows()
    ids = {tuple(body.tolist()): row for row, body in enumerate(every)}
    by_name = {f"question {question.question_id}": question for question in asked}
    assert 0 < batches.num_questions < len(asked)
    for index in range(4):
        batch, names = batches.make_batch(index), batches.records(index)
        assert batch.block.word_ids.shape == (4, 3, BLOCKS.length)
        assert batch.query.word_ids.shape == (4, 12)
        for place, name in enumerate(names):
            question = by_name[name]
            rows = [ids[tuple(body.tolist())] for body in _bodies(batch.block, place)]
            assert rows[0] in judge.right(question)
            assert not set(rows[1:]) & set(judge.right(question).tolist())
            hard = judge.hard(question).tolist()
            assert set(rows[1:]) <= set(hard) or len(hard) < 2


def _bodies(block, place):
    """The wordpieces behind the title of every block of a question."""
    for slot in range(block.word_ids.shape[1]):
        ids, kinds = block.word_ids[place, slot], block.type_ids[place, slot]
        yield ids[(kinds == 1) & (block.mask[place, slot] == 1)][:-1]


def test_a_batch_is_a_function_of_its_index(table, asked, judge):
    left, right = (_batches(table, asked, judge, hard_negatives=1) for _ in range(2))
    right.make_batch(0)
    for a, b in zip(left.make_batch(3), right.make_batch(3), strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


def test_without_hard_negatives(table, asked, judge):
    batch = _batches(table, asked, judge, hard_negatives=0).make_batch(0)
    assert batch.block.word_ids.shape == (4, 1, BLOCKS.length)


def test_questions_without_a_right_block_are_refused(table, asked, judge):
    with pytest.raises(types.UserError, match="No training question has a block"):
        _batches(table, asked[-1:], judge)
