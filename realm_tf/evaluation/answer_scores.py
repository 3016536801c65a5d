# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""When an answer is right, and the baseline of the most frequent answer."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching


def is_correct(prediction: str, question: questions_lib.Question) -> bool:
    """Exact match with one of the question's answers, or a match of its regular expressions."""
    if question.is_regex:
        return answer_matching.regex_match(prediction, question.answers)
    return answer_matching.exact_match(prediction, question.answers)


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
