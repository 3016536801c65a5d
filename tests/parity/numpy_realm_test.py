# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our models against REALM in NumPy and float64, on random numbers of the tests' own.

So the suite stands alone; and the NumPy version is held against the PyTorch port's numbers where
these are present.
"""

import dataclasses

import numpy as np
import pytest

from tests.parity import numpy_cases, numpy_comparisons, numpy_realm, oracle, ours

every_shape = pytest.mark.parametrize("shape", numpy_cases.SHAPES)


def _check(rows):
    rows = list(rows)
    assert rows
    assert [row for row in rows if not row.passes] == []


@every_shape
def test_scores_and_logits(shape):
    _check(numpy_comparisons.pretraining(shape))


@every_shape
@pytest.mark.parametrize("objective", numpy_comparisons.OBJECTIVES)
def test_pretraining_loss_and_gradients(shape, objective):
    _check(numpy_comparisons.pretraining_loss(shape, objective))


@every_shape
def test_open_qa(shape):
    _check(numpy_comparisons.question_answering(shape))


@every_shape
def test_ict_loss_is_over_all_pairs_of_the_batch(shape):
    _check(numpy_comparisons.ict(shape))


def _in_float64(weights):
    return {name: value.astype(np.float64) for name, value in weights.items()}


@pytest.mark.skipif(not oracle.is_present(), reason="There is no oracle beside us.")
def test_numpy_version_agrees_with_the_pytorch_port():
    scored, read = oracle.arrays("tiny", "scorer"), oracle.arrays("tiny", "encoder")
    weights = _in_float64(oracle.weights("tiny", "scorer") | oracle.weights("tiny", "encoder"))
    query, blocks = oracle.inputs(scored), oracle.inputs(scored, "candidate_")
    scores = numpy_realm.relevance(weights, ours.EMBEDDER, query, blocks, oracle.TINY)
    np.testing.assert_allclose(scores, scored["out/relevance_score"], atol=2e-5)
    logits = numpy_realm.token_logits(weights, ours.ENCODER, oracle.inputs(read), oracle.TINY)
    rows = logits.reshape(read["out/logits"].shape)
    np.testing.assert_allclose(rows, read["out/logits"], atol=2e-5)
    labels = read["in/labels"]
    loss = numpy_realm.marginal_loss(scores, logits, labels, count=read["in/mlm_mask"].sum())
    np.testing.assert_allclose(loss, read["out/loss"], atol=1e-5)


@pytest.mark.skipif(not oracle.is_present(), reason="There is no oracle beside us.")
def test_numpy_reader_agrees_with_the_pytorch_port():
    data = oracle.arrays("tiny", "reader")
    weights = _in_float64(oracle.weights("tiny", "reader"))
    shape, num_read = oracle.TINY, len(data["in/input_ids"])
    starts, more = data["out/candidate_starts"], data["out/candidate_ends"]
    more = more - starts
    logits = numpy_realm.span_logits(weights, ours.READER, oracle.inputs(data), shape)
    stored = data["out/span_logits_before_retriever"]
    exists = stored > -1e9
    np.testing.assert_allclose(logits[:, starts, more][exists], stored[exists], atol=2e-5)
    scores = data["in/relevance_score"].astype(np.float64)
    joined = logits[:, starts, more] + scores[:num_read, None]
    reader_loss = numpy_realm.correct_loss(joined, data["out/reader_correct"], exists)
    np.testing.assert_allclose(reader_loss, data["out/reader_loss"], atol=1e-5)
    everywhere = np.ones(len(scores), bool)
    retriever_loss = numpy_realm.correct_loss(scores, data["in/has_answers"], everywhere)
    np.testing.assert_allclose(retriever_loss, data["out/retriever_loss"], atol=1e-5)


def test_slopes_are_derivatives():
    weights = {"a": np.array([0.3, -2.0]), "b": np.array([[1.5]])}

    def loss(w):
        return float((w["a"] ** 3).sum() + np.sin(w["b"]).sum())

    exact = {"a": 3 * weights["a"] ** 2, "b": np.cos(weights["b"])}
    for name, direction, slope in numpy_realm.slopes(loss, weights, ["a", "b"]):
        np.testing.assert_allclose(slope, np.vdot(exact[name], direction), rtol=1e-7)


def test_shapes_differ_in_every_constant():
    names = ("gelu", "epsilon", "projection_epsilon", "span_epsilon", "span_width")
    plain, odd = (dataclasses.asdict(shape) for shape in numpy_cases.SHAPES.values())
    assert all(plain[name] != odd[name] for name in names)
