# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What came of every question: the scores of predictions, question by question.

A column is <float64>[num_questions], and NaN where a question is not judged:

| column | judged are | 1 if |
|---|---|---|
| `exact_match` | all | the first answer is right; regular expressions must match |
| `any_match` | all | any of the answers given is right |
| `f1` | without regular expressions | (best F1 of the first answer and a right one) |
| `regex_match` | with regular expressions | the first answer matches |
| `fine_tuned_recall@k` | all | an answer stands in one of the first k blocks |
| `fine_tuned_gold_recall@k` | with documents | a named document is among the first k |
| `reader_oracle` | all | an answer stands where the reader can point to it |
| `exact_match_given_retrieved` | an answer stands in a block that was read | as `exact_match` |

The last four need predictions that tell what was retrieved.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from realm_tf.evaluation import answer_scores
from realm_tf.evaluation.predictions import Prediction
from realm_tf.text import answer_matching

RECALL, GOLD_RECALL = "fine_tuned_recall", "fine_tuned_gold_recall"


def of(predictions: Sequence[Prediction], cutoffs: Sequence[int]) -> dict[str, np.ndarray]:
    """The columns of predictions; those in which no question is judged are left out.

    Args:
      predictions: The predictions.
      cutoffs: Values of k for recall; those deeper than the search went are left out.
    """
    columns: dict[str, Callable[[Prediction], float | None]] = {
        "exact_match": lambda p: p.correct,
        "any_match": _any_match,
        "f1": _f1,
        "regex_match": lambda p: p.correct if p.question.is_regex else None,
        "reader_oracle": lambda p: None if p.evidence is None else p.evidence.is_readable,
        "exact_match_given_retrieved": _given_retrieved,
    }
    for k in cutoffs:
        columns[f"{RECALL}@{k}"] = functools.partial(_recall, k=k)
        columns[f"{GOLD_RECALL}@{k}"] = functools.partial(_gold_recall, k=k)
    found = {
        name: np.array([np.nan if (v := score(p)) is None else v for p in predictions], np.float64)
        for name, score in columns.items()
    }
    return {name: scores for name, scores in found.items() if np.isfinite(scores).any()}


def _any_match(prediction: Prediction) -> bool:
    return any(
        answer_scores.is_correct(answer.text, prediction.question) for answer in prediction.ranked
    )


def _f1(prediction: Prediction) -> float | None:
    if prediction.question.is_regex:
        return None
    first = prediction.ranked[0].text if prediction.ranked else ""
    return answer_matching.f1(first, prediction.question.answers)


def _given_retrieved(prediction: Prediction) -> bool | None:
    evidence = prediction.evidence
    if evidence is None or not any(block.holds_answer for block in evidence.blocks):
        return None
    return prediction.correct


def _recall(prediction: Prediction, k: int) -> bool | None:
    evidence = prediction.evidence
    if evidence is None or k > evidence.depth:
        return None
    return evidence.answer_rank is not None and evidence.answer_rank < k


def _gold_recall(prediction: Prediction, k: int) -> bool | None:
    evidence = prediction.evidence
    if evidence is None or k > evidence.depth or not prediction.question.doc_ids:
        return None
    return evidence.gold_rank is not None and evidence.gold_rank < k
