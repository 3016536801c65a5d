# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Intervals and p-values, against SciPy's."""

import numpy as np
import pytest
from scipy import stats

from realm_tf.evaluation import resampling

NAN = float("nan")


def _scores(seed, shape=(300,)):
    return (np.random.default_rng(seed).random(shape) < 0.4).astype(np.float64)


def test_means_are_of_what_is_judged():
    columns = {"a": np.array([1.0, NAN, 0.0]), "b": np.full(3, NAN)}
    assert resampling.means(columns) == {"a": 0.5}


def test_interval_is_that_of_scipy():
    scores = np.random.default_rng(1).beta(0.5, 0.8, 200)
    low, high = resampling.intervals({"f1": scores})["f1"]
    expected = stats.bootstrap(
        (scores,), np.mean, method="percentile", n_resamples=5000, batch=500, rng=3
    ).confidence_interval
    assert low == pytest.approx(expected.low, abs=0.006)
    assert high == pytest.approx(expected.high, abs=0.006)
    assert resampling.intervals({"f1": scores})["f1"] == (low, high)  # seeded


def test_what_is_not_judged_does_not_count():
    scores = _scores(2)
    padded = np.concatenate([scores, np.full(300, NAN)])
    wide = np.ptp(resampling.intervals({"a": padded})["a"])
    assert wide == pytest.approx(np.ptp(resampling.intervals({"a": scores})["a"]), rel=0.15)
    assert resampling.intervals({"a": np.full(5, NAN)}) == {}
    assert resampling.intervals({"a": np.array([NAN, 1.0])}) == {"a": (1.0, 1.0)}


def test_intervals_hold_the_truth_as_often_as_they_say():
    held = 0
    for seed in range(60):
        low, high = resampling.intervals({"a": _scores(seed, (100,))})["a"]
        held += low <= 0.4 <= high
    assert 52 <= held <= 60


def test_p_value_of_right_and_wrong_is_mcnemars():
    ours, theirs = _scores(3), _scores(3)
    ours[np.flatnonzero(theirs == 0)[:25]] = 1.0
    ours[np.flatnonzero(theirs == 1)[:11]] = 0.0
    found = resampling.compare({"em": ours}, {"em": theirs})["em"]
    expected = stats.binomtest(25, 36).pvalue  # McNemar's exact test
    assert found["p_value"] == pytest.approx(expected, abs=0.01)
    assert found["difference"] == pytest.approx(14 / 300)
    assert found["ours"] - found["theirs"] == pytest.approx(found["difference"])


def test_p_value_of_f1_is_that_of_scipy():
    rng = np.random.default_rng(5)
    ours, theirs = rng.random(80), rng.random(80) - 0.1
    found = resampling.compare({"f1": ours}, {"f1": theirs})["f1"]
    expected = stats.permutation_test(
        (ours - theirs,), np.mean, permutation_type="samples", n_resamples=20000, rng=1
    )
    assert found["p_value"] == pytest.approx(expected.pvalue, abs=0.015)
    low, high = found["interval"]
    assert low < found["difference"] < high


def test_equal_systems_do_not_differ():
    scores = _scores(4)
    found = resampling.compare({"em": scores}, {"em": scores})["em"]
    assert found["p_value"] == 1.0
    assert found["interval"] == [0.0, 0.0]


def test_only_what_both_have_is_compared():
    ours = {"em": np.array([1.0, 0.0, 1.0]), "f1": np.ones(3), "x": np.array([NAN, NAN, 1.0])}
    theirs = {"em": np.array([1.0, NAN, 0.0]), "x": np.array([1.0, 1.0, NAN])}
    found = resampling.compare(ours, theirs)
    assert found.keys() == {"em"}
    assert found["em"]["questions"] == 2
    assert (found["em"]["ours"], found["em"]["theirs"]) == (1.0, 0.5)
