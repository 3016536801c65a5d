# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calibration of answers: a temperature for their probabilities, and a no-evidence probability.

Both are fitted on questions whose right answers are known, and judged on other ones:

- the *temperature* flattens or sharpens the probabilities of answers (Guo et al., 2017, who scale
  classes; an answer is a class here), so that of the answers with probability p a share of p is
  right. It changes no order: were the logits of spans divided by it, sums over many places would
  overtake better answers, and a fit could hide bad answers by spreading them thin;
- the *no-evidence probability* is a logistic regression on a few features of an answered question
  (`FEATURES`), fitted on questions asked with their documents in the corpus, and once more with
  their documents left out: how likely is it that the corpus does not hold what is asked?
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from realm_tf.data.blocks import keys

# What the exported graph computes of an answered question; see `serving.answers.features`.
FEATURES = (
    "log_odds",  # of the probability of the best answer
    "entropy",  # of the probabilities of all answers, in nats
    "retrieval_score",  # of the best block
    "retrieval_lead",  # the same, less the mean over the blocks that were read
    "reader_score",  # of the best answer
)
TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.4, 2.8, 3.4, 4.0, 5.6, 8.0)

_RIDGE = 1e-3  # keeps the weights finite where the features separate the questions without error
_NEWTON_STEPS = 50
_EPSILON = 1e-6
_BINS = 10
_ABSENT = 0.1  # share of questions without evidence, where nothing was fitted


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities.

    The default is what nothing was fitted for: the plain softmax, and the odds of no evidence that
    follow from those of the best answer being wrong, if one question in ten asks for what the
    corpus does not hold. Were they taken as they are, most right answers would be doubted: among
    the spans of several blocks, a right one often has less than half of the probability.

    Attributes:
      temperature: What the logarithms of the shares of answers are divided by.
      weights: Weight of each of `FEATURES` in the log-odds of no evidence.
      bias: Constant of these log-odds.
    """

    temperature: float = 1.0
    weights: tuple[float, ...] = (-1.0, *[0.0] * (len(FEATURES) - 1))
    bias: float = math.log(_ABSENT / (1.0 - _ABSENT))

    def to_json(self) -> dict[str, Any]:
        """The calibration as JSON values, which `from_json` takes."""
        weights = dict(zip(FEATURES, self.weights, strict=True))
        return {"temperature": self.temperature, "weights": weights, "bias": self.bias}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_json` gave."""
        weights = tuple(values["weights"][name] for name in FEATURES)
        return cls(values["temperature"], weights, values["bias"])


def best_temperature(probabilities: np.ndarray, correct: np.ndarray) -> int:
    """The temperature under which being right is most likely: least negative log-likelihood.

    Args:
      probabilities: Probability of the first answer, for each temperature and question,
        <float>[num_temperatures, num_questions].
      correct: Whether that answer is right, <bool>[num_temperatures, num_questions].

    Returns:
      Number of the temperature.
    """
    p = np.clip(probabilities, _EPSILON, 1.0 - _EPSILON)
    return int(np.argmin(-np.where(correct, np.log(p), np.log1p(-p)).mean(axis=1)))


def fit_logistic(features: np.ndarray, labels: np.ndarray) -> tuple[tuple[float, ...], float]:
    """Fits a logistic regression with a small ridge on standardised features, by Newton's method.

    Args:
      features: <float>[num_examples, num_features].
      labels: <bool>[num_examples].

    Returns:
      Weights and bias of the log-odds, for features that are not standardised.
    """
    features, target = features.astype(np.float64), labels.astype(np.float64)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > _EPSILON, scale, np.inf)  # a feature that is constant says nothing
    inputs = np.concatenate([(features - mean) / scale, np.ones((len(features), 1))], axis=1)
    ridge = _RIDGE * len(inputs) * np.diag([*np.ones(features.shape[1]), 1e-6])
    beta = np.zeros(inputs.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = _sigmoid(inputs @ beta)
        gradient = inputs.T @ (p - target) + ridge @ beta
        hessian = (inputs * (p * (1.0 - p))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-9:
            break
    weights = beta[:-1] / scale
    return tuple(weights.tolist()), float(beta[-1] - weights @ mean)


def no_evidence(calibration: Calibration, features: np.ndarray) -> np.ndarray:
    """The no-evidence probability <float64>[n] of features <float>[n, num_features]."""
    return _sigmoid(features.astype(np.float64) @ np.array(calibration.weights) + calibration.bias)


def auroc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve: how often a true example has a higher score than a false one.

    Args:
      scores: <float>[n].
      labels: <bool>[n].

    Returns:
      The area; equal scores count half. NaN unless there are both true and false examples.
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]  # the mean rank of equal scores
    true = np.count_nonzero(labels)
    false = len(labels) - true
    if not true or not false:
        return float("nan")
    return float((ranks[labels].sum() - true * (true + 1) / 2.0) / (true * false))


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The reliability diagram of probabilities, and their expected calibration error.

    Args:
      probabilities: <float>[n], 0 to 1.
      labels: Whether what they speak of is so, <bool>[n].

    Returns:
      `calibration_error`, the mean distance of probability and share in ten bins of equal width,
      weighted by their sizes; `diagram`, a list with `count`, `mean` probability and `share` of
      every bin that is not empty.
    """
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    diagram, error = [], 0.0
    for number in np.unique(bins).tolist():
        here = bins == number
        mean, share = float(probabilities[here].mean()), float(labels[here].mean())
        diagram.append({"count": int(here.sum()), "mean": mean, "share": share})
        error += here.mean() * abs(mean - share)
    return {"calibration_error": float(error), "diagram": diagram}


def figures(
    probabilities: np.ndarray, correct: np.ndarray, absent: np.ndarray, is_absent: np.ndarray
) -> dict[str, Any]:
    """What is reported of a calibration, of questions that it was not fitted on.

    Args:
      probabilities: Probability of the first answer, <float>[num_questions].
      correct: Whether it is right, <bool>[num_questions].
      absent: No-evidence probability, <float>[num_asked].
      is_absent: Whether the question was asked without its documents, <bool>[num_asked].
    """
    of_answers = reliability(probabilities, correct)
    of_absence = reliability(absent, is_absent) if len(absent) else {}
    return {
        "answer_auroc": auroc(probabilities, correct),
        "answer_calibration_error": of_answers["calibration_error"],
        "no_evidence_auroc": auroc(absent, is_absent),
        "no_evidence_calibration_error": of_absence.get("calibration_error", float("nan")),
        "diagrams": {
            "answers": of_answers["diagram"],
            "no_evidence": of_absence.get("diagram", []),
        },
    }


def _sigmoid(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result


def is_for_fitting(names: Sequence[str]) -> np.ndarray:
    """Which half of examples is for fitting, by hash of their names, <bool>[n]."""
    return np.array([bool(keys.doc_key(name) & 1) for name in names], bool)
