# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calibration finds what made the data, and its figures are those of plain definitions."""

import json

import numpy as np
import pytest

from realm_tf.evaluation import calibration

RNG = np.random.default_rng(5)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_of_what_is_not_calibrated_a_likely_answer_is_not_doubted():
    log_odds = np.log([0.05 / 0.95, 0.1 / 0.9, 0.2 / 0.8, 0.5 / 0.5])
    features = np.stack([log_odds, *RNG.normal(size=(4, 4))], axis=1)
    found = calibration.no_evidence(calibration.Calibration(), features)
    np.testing.assert_allclose(found, [19 / 28, 0.5, 4 / 13, 0.1])


def test_logistic_regression_finds_the_weights_of_unscaled_features():
    scale, shift = np.array([1.0, 100.0, 0.01]), np.array([0.0, -500.0, 3.0])
    features = RNG.normal(size=(40_000, 3)) * scale + shift
    odds = features @ np.array([1.0, -0.02, 0.0]) - 9.5
    weights, bias = calibration.fit_logistic(features, RNG.random(len(odds)) < _sigmoid(odds))
    found = features @ np.array(weights) + bias
    assert np.abs(_sigmoid(found) - _sigmoid(odds)).max() < 0.05


def test_separable_and_constant_features_stay_finite():
    features = np.stack([np.arange(40.0), np.full(40, 7.0)], axis=1)
    labels = features[:, 0] > 20
    weights, bias = calibration.fit_logistic(features, labels)
    assert np.isfinite([*weights, bias]).all()
    assert weights[1] == 0
    found = features @ np.array(weights) + bias
    assert ((found > 0) == labels).mean() > 0.95


def test_no_evidence_is_the_sigmoid_of_weighted_features():
    made = calibration.Calibration(1.0, (1.0, 0.0, 0.0, 0.0, -2.0), 0.5)
    found = calibration.no_evidence(made, np.array([[1.0, 5.0, 5.0, 5.0, 1.0]], np.float32))
    np.testing.assert_allclose(found, _sigmoid(-0.5))


def test_calibration_is_read_as_it_was_written():
    made = calibration.Calibration(1.4, (0.1, 0.2, 0.3, 0.4, 0.5), -2.0)
    assert calibration.Calibration.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_best_temperature_is_that_of_the_honest_probabilities():
    honest = RNG.random(5_000)
    correct = RNG.random(5_000) < honest
    odds = np.log(honest / (1 - honest))
    temperatures = (0.5, 1.0, 2.0)
    probabilities = np.stack([_sigmoid(odds / t) for t in temperatures])
    assert calibration.best_temperature(probabilities, np.stack([correct] * 3)) == 1


@pytest.mark.parametrize("ties", [False, True])
def test_auroc_counts_pairs(ties):
    scores = RNG.normal(size=60)
    scores = np.round(scores) if ties else scores
    labels = RNG.random(60) < 0.4
    pairs = scores[labels][:, None] - scores[~labels][None]
    expected = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    np.testing.assert_allclose(calibration.auroc(scores, labels), expected)


def test_auroc_of_one_kind_is_unknown():
    assert np.isnan(calibration.auroc(np.array([1.0, 2.0]), np.array([True, True])))


def test_reliability_is_the_distance_of_probability_and_share():
    probabilities = np.array([0.05, 0.05, 0.95, 0.95, 1.0])
    labels = np.array([True, False, True, True, False])
    found = calibration.reliability(probabilities, labels)
    low, high = found["diagram"]
    assert (low["count"], low["share"]) == (2, 0.5)
    assert (high["count"], high["share"]) == (3, pytest.approx(2 / 3))
    expected = 0.4 * 0.45 + 0.6 * abs(2.9 / 3 - 2 / 3)
    assert found["calibration_error"] == pytest.approx(expected)


def test_halves_are_of_names_and_about_equal():
    names = [f"doc-{n}" for n in range(2000)]
    fitted = calibration.is_for_fitting(names)
    assert 0.45 < fitted.mean() < 0.55
    assert (calibration.is_for_fitting(names[::-1])[::-1] == fitted).all()


def test_figures_without_questions_are_unknown():
    nothing, none = np.zeros(0), np.zeros(0, bool)
    figures = calibration.figures(nothing, none, nothing, none)
    assert np.isnan(figures["answer_auroc"])
    assert np.isnan(figures["no_evidence_auroc"])
