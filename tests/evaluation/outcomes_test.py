# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores of single questions by hand."""

import numpy as np
import pytest

from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import outcomes, retrieval_ranks
from tests.evaluation import given

NAN = float("nan")


def question(*answers, is_regex=False, doc_ids=()):
    return questions_lib.Question("q", "What?", answers, doc_ids, is_regex)


def columns(*predictions, cutoffs=(1, 3)):
    return {name: found.tolist() for name, found in outcomes.of(predictions, cutoffs).items()}


def test_answers():
    found = columns(
        given.prediction(question("the Nile", "Seine"), "seine.", "x"),
        given.prediction(question("Everest")),
        given.prediction(question("Mont Blanc"), "Blanc", "Mont Blanc"),
    )
    assert found == {
        "exact_match": [1, 0, 0],
        "any_match": [1, 0, 1],
        "f1": [1, 0, pytest.approx(2 / 3)],
    }


@pytest.mark.parametrize(
    "answers", [("", "1201"), ("A",), ("The The",), ("an", "?!", "Paris"), ("a 。",)]
)
def test_no_answer_scores_nothing(answers):
    for ranked in ((), ("",), ("the",)):
        found = columns(given.prediction(question(*answers), *ranked))
        assert found == {"exact_match": [0], "any_match": [0], "f1": [0]}
    patterns = question("", "x*", "paris", is_regex=True)
    assert columns(given.prediction(patterns))["exact_match"] == [0]
    assert not retrieval_ranks.holds_answer("Rome", patterns)


def test_regular_expressions_have_no_f1_but_a_match():
    year = question(r".*19\d\d", is_regex=True)
    found = columns(given.prediction(year, "In 1953"), given.prediction(question("x"), "y"))
    assert found["exact_match"] == [1, 0]
    np.testing.assert_equal(found["f1"], [NAN, 0])
    np.testing.assert_equal(found["regex_match"], [1, NAN])


def test_evidence():
    named = question("x", doc_ids=("d",))
    found = columns(
        given.prediction(named, "x", evidence=given.evidence(answer_rank=0, gold_rank=2)),
        given.prediction(named, "y", evidence=given.evidence(answer_rank=1, gold_rank=0)),
        given.prediction(question("x"), "x", evidence=given.evidence(answer_rank=None)),
        cutoffs=(1, 3, 11),
    )
    assert found["fine_tuned_recall@1"] == [1, 0, 0]
    assert found["fine_tuned_recall@3"] == [1, 1, 0]
    np.testing.assert_equal(found["fine_tuned_gold_recall@1"], [0, 1, NAN])
    np.testing.assert_equal(found["fine_tuned_gold_recall@3"], [1, 1, NAN])
    assert "fine_tuned_recall@11" not in found  # deeper than the search
    assert found["reader_oracle"] == [1, 1, 0]
    np.testing.assert_equal(found["exact_match_given_retrieved"], [1, 0, NAN])


def test_what_stands_in_a_block_may_be_out_of_the_readers_reach():
    found = columns(
        given.prediction(
            question("x"), "y", evidence=given.evidence(answer_rank=0, is_readable=False)
        )
    )
    assert found["reader_oracle"] == [0]
    assert found["exact_match_given_retrieved"] == [0]
