# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact match, F1 and the most frequent answer by hand."""

import pytest

from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import answer_scores, retrieval_ranks
from tests.evaluation import given


def question(*answers, is_regex=False, doc_ids=()):
    return questions_lib.Question("q", "What?", answers, doc_ids, is_regex)


def test_score_answers():
    questions = [question("the Nile", "Seine"), question("Everest"), question("Mont Blanc")]
    ranked = [
        [given.answer("seine."), given.answer("x")],
        [],
        [given.answer("Blanc"), given.answer("Mont Blanc")],
    ]
    figures = answer_scores.score_answers(ranked, questions)
    assert figures["exact_match"] == pytest.approx(1 / 3)
    assert figures["any_match"] == pytest.approx(2 / 3)
    assert figures["f1"] == pytest.approx((1 + 0 + 2 / 3) / 3)


@pytest.mark.parametrize(
    "answers", [("", "1201"), ("A",), ("The The",), ("an", "?!", "Paris"), ("a 。",)]
)
def test_no_answer_scores_nothing(answers):
    for ranked in ([[]], [[given.answer("")]], [[given.answer("the")]]):
        figures = answer_scores.score_answers(ranked, [question(*answers)])
        assert figures == {"exact_match": 0.0, "any_match": 0.0, "f1": 0.0}
    patterns = question("", "x*", "paris", is_regex=True)
    assert answer_scores.score_answers([[]], [patterns])["exact_match"] == 0
    assert not retrieval_ranks.holds_answer("Rome", patterns)


def test_regular_expressions_have_no_f1():
    figures = answer_scores.score_answers(
        [[given.answer("In 1953")]], [question(r".*19\d\d", is_regex=True)]
    )
    assert figures == {"exact_match": 1.0, "any_match": 1.0}


def test_frequent_answer():
    train = [question("Paris", "paris!"), question("Rome"), question("The Rome"), question("Oslo")]
    assert answer_scores.frequent_answer(train) == "rome"
    dev = [question("ROME"), question("Paris"), question("rom.", is_regex=True), question("x")]
    assert answer_scores.frequent_answer_exact_match(train, dev) == 0.5


def test_frequent_answer_of_equals_is_the_first_by_alphabet():
    assert answer_scores.frequent_answer([question("b"), question("c"), question("b", "c")]) == "b"
    assert answer_scores.frequent_answer([]) == ""


def test_frequent_answer_is_one_that_says_something():
    train = [question("", "Orwell"), question("The", "Orwell"), question("", "!", "Seine")]
    assert answer_scores.frequent_answer(train) == "orwell"
    dev = [question("", "1201"), question("The The"), question("Orwell")]
    assert answer_scores.frequent_answer_exact_match(train, dev) == pytest.approx(1 / 3)
    assert answer_scores.frequent_answer([question("the")]) == ""
    assert answer_scores.frequent_answer_exact_match([question("the")], [question("a")]) == 0.0
