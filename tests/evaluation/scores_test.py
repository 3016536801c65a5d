# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Figures of predictions, and what two systems differ in."""

import pytest

from realm_tf import types
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import scores
from tests.evaluation import given


def asked(number, text="Who was it?"):
    return questions_lib.Question(str(number), text, ("x",), ("d",))


def made(*answers, text="Who was it?"):
    """Predictions of these answers, of which "x" is right."""
    return [
        given.prediction(asked(number, text), answer, evidence=given.evidence(gold_rank=number))
        for number, answer in enumerate(answers)
    ]


def test_figures_of_all_and_by_word():
    others = [given.prediction(asked(9, "Where?"), "x", evidence=given.evidence(answer_rank=None))]
    found = scores.score([*made("x", "y", "y"), *others], (1, 2))
    assert found["questions"] == 4
    assert found["exact_match"] == 0.5
    assert found["fine_tuned_recall@1"] == 0.75
    assert found["fine_tuned_gold_recall@2"] == 0.5
    assert found["exact_match_given_retrieved"] == pytest.approx(1 / 3)
    low, high = found["intervals"]["exact_match"]
    assert low < 0.5 < high
    words = found["by_question_word"]
    assert words.keys() == {"who", "where"}
    assert words["who"]["questions"] == 3
    assert words["who"]["exact_match"] == pytest.approx(1 / 3)
    assert words["where"]["intervals"]["exact_match"] == [1.0, 1.0]


def test_systems_are_paired_by_question():
    ours, theirs = made(*"xxxxxxxxyy"), made(*"yyyyyyyyyx")
    found = scores.compare(ours, theirs[::-1][:9])
    assert found["questions"] == 9
    assert (found["only_ours"], found["only_theirs"]) == (1, 0)
    em = found["figures"]["exact_match"]
    assert em["difference"] == pytest.approx(6 / 9)
    assert em["p_value"] == pytest.approx(18 / 256, abs=0.01)  # of 7 to 1, McNemar's exact test
    assert found["figures"]["reader_oracle"]["difference"] == 0
    assert "permutation" in found["test"]


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(types.UserError, match="'0' is 'Who was it\\?' in the one file and 'Where"):
        scores.compare(made("x"), made("x", text="Where?"))
    with pytest.raises(types.UserError, match="share no question id"):
        scores.compare(made("x", "y")[1:], made("x"))
