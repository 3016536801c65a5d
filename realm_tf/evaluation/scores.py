# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The figures of predictions: means with their intervals, of all questions and by question word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from realm_tf import types
from realm_tf.evaluation import outcomes, question_words, report, resampling
from realm_tf.evaluation.predictions import Prediction

VERSION = 1  # of what the figures are; raise it when that changes
CUTOFFS = (1, 5, 10, 20, 50, 100)
TEST = (
    f"interval of the difference: paired bootstrap, {resampling.RESAMPLES} resamples; p-value:"
    f" paired permutation test, two-sided, {resampling.PERMUTATIONS} permutations"
)


def score(predictions: Sequence[Prediction], cutoffs: Sequence[int] = CUTOFFS) -> dict[str, Any]:
    """Scores predictions.

    Args:
      predictions: At least one.
      cutoffs: Values of k for recall.

    Returns:
      `questions`, their number; the mean of every column of `outcomes`; `intervals`, the same
      names to [low, high]; and `by_question_word`: word to the same figures of its questions.
    """
    columns = outcomes.of(predictions, cutoffs)
    groups = question_words.group([p.question.question for p in predictions])
    by_word = {word: _figures(columns, np.array(places)) for word, places in groups.items()}
    return {**_figures(columns, np.arange(len(predictions))), report.BY_WORD: by_word}


def _figures(columns: Mapping[str, np.ndarray], places: np.ndarray) -> dict[str, Any]:
    chosen = {name: scores[places] for name, scores in columns.items()}
    ends = {name: list(interval) for name, interval in resampling.intervals(chosen).items()}
    return {"questions": len(places), **resampling.means(chosen), report.INTERVALS: ends}


def compare(
    ours: Sequence[Prediction], theirs: Sequence[Prediction], cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, Any]:
    """Compares two systems over the questions that both were asked, paired by their ids.

    Returns:
      `questions`, the number of shared ones; `only_ours` and `only_theirs`, the numbers of those
      left out; `test`, what was done; and `figures`; see `resampling.compare`.

    Raises:
      UserError: If no question is shared, or an id stands for two different questions.
    """
    asked = {p.question.question_id: p for p in theirs}
    pairs = [(p, asked[i]) for p in ours if (i := p.question.question_id) in asked]
    for left, right in pairs:
        if left.question.question != right.question.question:
            raise types.UserError(
                f"The question {left.question.question_id!r} is {left.question.question!r} in the"
                f" one file and {right.question.question!r} in the other. Compare systems that"
                " were asked the questions of one file."
            )
    if not pairs:
        raise types.UserError(
            "The two share no question id. Compare systems that were asked the questions of one"
            " file."
        )
    columns = [outcomes.of(side, cutoffs) for side in zip(*pairs, strict=True)]
    return {
        "questions": len(pairs),
        "only_ours": len(ours) - len(pairs),
        "only_theirs": len(theirs) - len(pairs),
        "test": TEST,
        "figures": resampling.compare(*columns),
    }
