# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals and paired tests of mean scores, by resampling the questions.

- The interval is that of the percentile bootstrap (Efron, 1979): questions are drawn anew, with
  replacement, and the mean is taken again, many times.
- Two systems that were asked the same questions are compared by the mean of their differences:
  its interval is that of the *paired bootstrap*, and its p-value that of the *paired permutation
  test* (approximate randomisation; Noreen, 1989): were the two systems alike, the sign of every
  difference would be a toss of a coin. Of scores that are 0 or 1 this is McNemar's test.

Draws come from one seed, so that the same scores have the same intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

RESAMPLES = 2000
PERMUTATIONS = 10_000
LEVEL = 0.95

_SEED = 0
_AT_A_TIME = 250  # resamples
_EQUAL = 1e-9  # sums of differences that are equal but for rounding


def means(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The mean of every column <float>[num_questions], without its NaN: questions not judged."""
    return {name: float(np.nanmean(scores)) for name, scores in _judged(columns).items()}


def intervals(columns: Mapping[str, np.ndarray]) -> dict[str, tuple[float, float]]:
    """The 95% intervals of the means of columns.

    Args:
      columns: Name to scores <float>[num_questions], NaN where a question is not judged. All are
        resampled together.

    Returns:
      (low, high) of every column in which a question is judged.
    """
    columns = _judged(columns)
    if not columns:
        return {}
    scores = np.stack(list(columns.values()), axis=1).astype(np.float64)
    judged = np.isfinite(scores)
    totals = np.concatenate([np.where(judged, scores, 0.0), judged], axis=1)
    sums, counts = np.split(np.concatenate([w @ totals for w in _draws(len(scores))]), 2, axis=1)
    resampled = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    ends = np.nanpercentile(resampled, [50 - 50 * LEVEL, 50 + 50 * LEVEL], axis=0)
    return {name: tuple(low_high) for name, low_high in zip(columns, ends.T.tolist(), strict=True)}


def compare(
    ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]
) -> dict[str, dict[str, object]]:
    """Tests the differences of two systems by resampling, by column, over questions judged of both.

    Args:
      ours: Name to scores <float>[num_questions], NaN where a question is not judged.
      theirs: The same of the other system, for the same questions in the same order.

    Returns:
      Name of every column that both have, to `questions`, the means `ours` and `theirs`, their
      `difference`, its `interval` and `p_value` (two-sided).
    """
    shared = [name for name in ours if name in theirs]
    differences = _judged({name: ours[name] - theirs[name] for name in shared})
    ends, p_values = intervals(differences), _p_values(differences)
    found: dict[str, dict[str, object]] = {}
    for name, difference in differences.items():
        both = np.isfinite(difference)
        found[name] = {
            "questions": int(both.sum()),
            "ours": float(ours[name][both].mean()),
            "theirs": float(theirs[name][both].mean()),
            "difference": float(difference[both].mean()),
            "interval": list(ends[name]),
            "p_value": p_values[name],
        }
    return found


def _judged(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: scores for name, scores in columns.items() if np.isfinite(scores).any()}


def _draws(num_questions: int) -> Iterator[np.ndarray]:
    """How often every question is drawn, <int64>[at most `_AT_A_TIME`, num_questions] each."""
    rng = np.random.default_rng(_SEED)
    shares = np.full(num_questions, 1 / num_questions)
    for start in range(0, RESAMPLES, _AT_A_TIME):
        yield rng.multinomial(num_questions, shares, size=min(_AT_A_TIME, RESAMPLES - start))


def _p_values(differences: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How likely sums as far from 0 are if the sign of every difference is a toss of a coin."""
    if not differences:
        return {}
    values = np.nan_to_num(np.stack(list(differences.values()), axis=1))
    rng, extreme = np.random.default_rng(_SEED), np.zeros(values.shape[1])
    bound = np.abs(values.sum(axis=0)) - _EQUAL
    for start in range(0, PERMUTATIONS, _AT_A_TIME):
        size = (min(_AT_A_TIME, PERMUTATIONS - start), len(values))
        signs = rng.integers(0, 2, size=size, dtype=np.int8) * 2.0 - 1.0
        extreme += (np.abs(signs @ values) >= bound).sum(axis=0)
    p_values = (extreme + 1) / (PERMUTATIONS + 1)  # the observed signs are one of them
    return dict(zip(differences, p_values.tolist(), strict=True))
