# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics of answers in open QA: exact match, F1, and the most-frequent-answer baseline."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

from realm_tf import types
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching


def is_correct(prediction: str, question: questions_lib.Question) -> bool:
    """Exact match with one of the question's answers, or a match of its regular expressions."""
    if question.is_regex:
        return answer_matching.regex_match(prediction, question.answers)
    return answer_matching.exact_match(prediction, question.answers)


def score_answers(
    ranked: Sequence[Sequence[types.Answer]], questions: Sequence[questions_lib.Question]
) -> dict[str, float]:
    """Scores the first answer to every question; no answer is a wrong one.

    Args:
      ranked: The answers to every question, best first.
      questions: The questions, one for each row.

    Returns:
      `exact_match`; `any_match`, that of the best of all answers that are given; and `f1` over the
      questions whose answers are no regular expressions, if any; all 0 to 1.
    """
    first = [given[0].text if given else "" for given in ranked]
    pairs = list(zip(first, questions, strict=True))
    figures = {
        "exact_match": _mean([is_correct(*pair) for pair in pairs]),
        "any_match": _mean(
            [
                any(is_correct(answer.text, question) for answer in given)
                for given, question in zip(ranked, questions, strict=True)
            ]
        ),
    }
    texts = [(prediction, q.answers) for prediction, q in pairs if not q.is_regex]
    if texts:
        figures["f1"] = _mean([answer_matching.f1(*pair) for pair in texts])
    return figures


def frequent_answer(train: Sequence[questions_lib.Question]) -> str:
    """The answer that most training questions have, normalised; of equals the first by alphabet.

    An answer of which normalising leaves nothing is none. Without any answer it is "".
    """
    counts = collections.Counter(
        answer
        for question in train
        if not question.is_regex
        for answer in {answer_matching.normalize(answer) for answer in question.answers} - {""}
    )
    return min(counts, key=lambda answer: (-counts[answer], answer), default="")


def frequent_answer_exact_match(
    train: Sequence[questions_lib.Question], questions: Sequence[questions_lib.Question]
) -> float:
    """Exact match of giving `frequent_answer` to every question: what no text at all achieves."""
    prediction = frequent_answer(train)
    return _mean([is_correct(prediction, question) for question in questions])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
