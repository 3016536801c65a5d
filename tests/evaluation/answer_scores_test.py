# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The most frequent answer by hand."""

import pytest

from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import answer_scores


def question(*answers, is_regex=False, doc_ids=()):
    return questions_lib.Question("q", "What?", answers, doc_ids, is_regex)


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
