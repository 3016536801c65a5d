# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ranks and recall by hand."""

import dataclasses

import numpy as np
import pytest

from realm_tf import types
from realm_tf.data.blocks import keys, shards
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import retrieval_ranks
from tests.beam_jobs import corpus

TEXTS = {
    "rivers": "The Nile is a river in Africa.",
    "peaks": "Everest was climbed in 1953.",
    "towns": "Paris lies on the Seine; the Nile does not flow there.",
}


def question(*answers, is_regex=False, doc_ids=()):
    return questions_lib.Question("q", "What?", answers, doc_ids, is_regex)


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    made = [
        dataclasses.replace(
            corpus.make_block(0, rng, max_tokens=5),
            block_id=keys.block_id(doc_id, "", text, 0),
            doc_id=doc_id,
            text=text,
        )
        for doc_id, text in TEXTS.items()
    ]
    segment, _ = shards.write_segments(
        str(tmp_path),
        [types.Passage(block, ()) for block in made],
        num_shards=1,
        settings={"vocab_size": 64},
        made_from={"tokenizer": "t" * 64},
    )
    return block_table.BlockTable.open(segment)


# Rows are sorted by document: 0 is "peaks", 1 "rivers", 2 "towns".
RETRIEVED = np.array([[0, 2, 1], [1, 2, 0], [2, -1, -1]])


def test_answer_ranks(table):
    questions = [question("the nile", "Amazon"), question("1953"), question("Everest")]
    np.testing.assert_array_equal(
        retrieval_ranks.answer_ranks(table, RETRIEVED, questions), [1, 2, -1]
    )


def test_answer_ranks_of_regular_expressions(table):
    questions = [question(r"s\w+ne", is_regex=True)] * 3
    np.testing.assert_array_equal(
        retrieval_ranks.answer_ranks(table, RETRIEVED, questions), [1, 1, 0]
    )


def test_padding_holds_no_answer(table):
    rows = np.array([[-1, 1]])  # row -1 would be the last block, which has the Seine
    assert retrieval_ranks.answer_ranks(table, rows, [question("Seine")]) == [
        retrieval_ranks.NOT_FOUND
    ]
    named = question("x", doc_ids=("towns",))
    assert retrieval_ranks.gold_ranks(table, rows, [named]) == [retrieval_ranks.NOT_FOUND]


def test_gold_ranks(table):
    questions = [
        question("x", doc_ids=("nowhere", "rivers")),
        question("x"),
        question("x", doc_ids=("peaks",)),
    ]
    expected = [2, retrieval_ranks.NOT_JUDGED, retrieval_ranks.NOT_FOUND]
    np.testing.assert_array_equal(retrieval_ranks.gold_ranks(table, RETRIEVED, questions), expected)


def test_gold_ranks_count_documents(tmp_path):
    """Two blocks of one document take one place."""
    rng = np.random.default_rng(0)
    places = {"a": 3, "b": 1, "c": 2}
    made = [
        dataclasses.replace(
            corpus.make_block(0, rng, max_tokens=5),
            block_id=keys.block_id(doc_id, "", "text", number),
            doc_id=doc_id,
        )
        for doc_id, count in places.items()
        for number in range(count)
    ]
    segment, _ = shards.write_segments(
        str(tmp_path),
        [types.Passage(block, ()) for block in made],
        num_shards=1,
        settings={"vocab_size": 64},
        made_from={"tokenizer": "t" * 64},
    )
    table = block_table.BlockTable.open(segment)
    rows = np.array([[0, 2, -1, 4, 1, 3], [5, 4, 3, 0, 1, 2]])  # a a - c a b; c c b a a a
    assert retrieval_ranks.gold_ranks(
        table, rows, [question("x", doc_ids=("b",))] * 2
    ).tolist() == [2, 1]
    assert retrieval_ranks.gold_ranks(
        table, rows, [question("x", doc_ids=("a",))] * 2
    ).tolist() == [0, 2]


def test_recall_counts_those_that_can_be_judged():
    ranks = np.array([0, 4, 5, retrieval_ranks.NOT_FOUND, retrieval_ranks.NOT_JUDGED])
    assert retrieval_ranks.recall(ranks, (1, 5, 6, 100), "r") == {
        "r@1": 0.25,
        "r@5": 0.5,
        "r@6": 0.75,
        "r@100": 0.75,
    }


def test_recall_of_nothing_is_nothing():
    assert retrieval_ranks.recall(np.array([retrieval_ranks.NOT_JUDGED]), (1,)) == {}


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("現任市長是王小明先生。", "王小明", "王明"),
        ("อยุธยาเป็นเมืองเก่า", "อยุธยา", "ยธ"),
        ("यहाँ दल और दाल है", "दाल", "दिल"),
    ],
)
def test_texts_of_other_scripts_hold_their_answers(text, inside, outside):
    assert retrieval_ranks.holds_answer(text, question(inside))
    assert not retrieval_ranks.holds_answer(text, question(outside))
