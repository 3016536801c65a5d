# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Candidate spans become distinct answers, against plain loops."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.evaluation import calibration
from serving import answers, spans


def _candidates(*rows):
    """Of one question; every row is score, slot, byte start and text."""
    scores, slots, starts, texts = (list(x) for x in zip(*rows, strict=True))
    limits = [start + len(text.encode()) for start, text in zip(starts, texts, strict=True)]
    scores = np.array([scores], np.float32)
    return answers.Candidates(
        tf.constant(scores),
        reader_score=tf.constant(scores - 1),
        retrieval_score=tf.ones_like(scores),
        slot=tf.constant([slots]),
        byte_start=tf.constant([starts]),
        byte_limit=tf.constant([limits]),
        text=tf.constant([texts]),
        log_mass=tf.constant(np.log(np.exp(scores).sum(axis=1))),
    )


def _rank(candidates, count=5, temperature=1.0):
    ranked = answers.rank(candidates, temperature, count)
    texts = candidates.text.numpy()[0]
    is_there = ranked.probability[0].numpy() > 0
    found = [texts[place].decode() for place in ranked.place[0].numpy()[is_there]]
    return found, ranked.probability[0].numpy()[is_there]


def test_equal_answers_are_summed_over_blocks():
    candidates = _candidates(
        (2.0, 0, 0, "Rome"), (1.9, 1, 5, "Paris"), (1.8, 2, 0, "the Paris"), (0.0, 0, 9, "Oslo")
    )
    found, probability = _rank(candidates)
    assert found == ["Paris", "Rome", "Oslo"]
    mass = np.exp([1.9, 2.0, 0.0])
    mass[0] += np.exp(1.8)
    np.testing.assert_allclose(probability, mass / mass.sum(), rtol=1e-5)


def test_what_overlaps_a_better_answer_is_left_out_wherever_that_stands():
    candidates = _candidates(
        (5.0, 0, 10, "Nigeria"),
        (4.0, 0, 10, "Nigeria mark Abuja"),
        (3.0, 1, 0, "in Nigeria"),
        (2.0, 1, 3, "Nigeria"),
        (1.0, 0, 23, "Abuja"),
        (0.0, 1, 50, "in Nigeria"),
    )
    # "in Nigeria" is left in the place where it overlaps nothing.
    assert _rank(candidates)[0] == ["Nigeria", "in Nigeria", "Abuja"]
    assert _rank(candidates, count=2)[0] == ["Nigeria", "in Nigeria"]


def test_overlap_is_in_one_block_alone():
    assert _rank(_candidates((1.0, 0, 0, "ab cd"), (0.5, 1, 0, "ab")))[0] == ["ab cd", "ab"]


def test_touching_spans_do_not_overlap():
    assert _rank(_candidates((1.0, 0, 0, "ab"), (0.5, 0, 2, "cd")))[0] == ["ab", "cd"]


def test_a_text_of_which_nothing_is_left_is_no_answer():
    assert _rank(_candidates((9.0, 0, 0, "the"), (8.0, 0, 9, "."), (0.0, 0, 20, "x")))[0] == ["x"]


def test_places_without_a_span_are_no_answers():
    candidates = _candidates((1.0, 0, 0, "x"), (spans.NO_ANSWER, 0, 0, ""))
    found, probability = _rank(candidates)
    assert found == ["x"]
    np.testing.assert_allclose(probability, [1.0], rtol=1e-6)


def test_temperature_flattens():
    candidates = _candidates((4.0, 0, 0, "a1"), (0.0, 0, 9, "b1"))
    flat = np.exp([2.0, 0.0])
    _, probability = _rank(candidates, temperature=2.0)
    np.testing.assert_allclose(probability, flat / flat.sum(), rtol=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 8.0])
def test_temperature_changes_no_order(temperature):
    rows = [(3.0, 0, 0, "Rome"), *((0.5, 1, 9 * n, "Paris") for n in range(8)), (0.0, 2, 0, "Oslo")]
    candidates = _candidates(*rows)
    plain, share = _rank(candidates)
    found, probability = _rank(candidates, temperature=temperature)
    assert found == plain == ["Rome", "Paris", "Oslo"]
    powers = share ** (1 / temperature)
    np.testing.assert_allclose(probability, powers / powers.sum(), rtol=1e-4)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_what_no_candidate_has_stays_apart(temperature):
    candidates = _candidates((1.0, 0, 0, "x"), (1.0, 1, 0, "y"))
    candidates = candidates._replace(log_mass=candidates.log_mass + np.float32(np.log(2.0)))
    probability = _rank(candidates, temperature=temperature)[1]
    assert probability == pytest.approx([0.25, 0.25], rel=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_choice_as_in_a_loop(seed):
    rng = np.random.default_rng(seed)
    words = ["ab", "cd", "ab cd", "ef gh ij", "kl"]
    rows = [
        (float(rng.normal()), int(rng.integers(2)), int(rng.integers(12)), str(rng.choice(words)))
        for _ in range(25)
    ]
    rows.sort(reverse=True)
    mass = {w: sum(np.exp(r[0]) for r in rows if r[3] == w) for w in words}
    left, expected = list(rows), []
    while left:
        best = max(left, key=lambda row: mass[row[3]])[3]
        expected.append(best)
        places = [(r[1], r[2], r[2] + len(best)) for r in rows if r[3] == best]
        left = [
            r
            for r in left
            if r[3] != best
            and not any(s == r[1] and r[2] < b and a < r[2] + len(r[3]) for s, a, b in places)
        ]
    assert _rank(_candidates(*rows), count=9)[0] == expected


def test_features_are_those_that_calibration_names():
    candidates = _candidates((2.0, 0, 0, "a1"), (1.0, 1, 9, "b1"))
    ranked = answers.rank(candidates, 1.0, 1)
    scores = tf.constant([[3.0, 1.0, 99.0]])
    is_read = tf.constant([[True, True, False]])
    found = answers.features(candidates, ranked, scores, is_read)[0].numpy()
    values = dict(zip(calibration.FEATURES, found, strict=True))
    p = 1 / (1 + np.exp(-1))
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    expected = {"log_odds": 1.0, "entropy": entropy, "retrieval_score": 3.0}
    expected |= {"retrieval_lead": 1.0, "reader_score": 1.0}
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, err_msg=name)
    nothing = answers.features(candidates, ranked, scores, tf.zeros_like(is_read))
    assert not nothing.numpy().any()
