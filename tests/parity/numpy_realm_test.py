# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our models against REALM in NumPy and float64, on random numbers of the tests' own.

So the suite stands alone; and the NumPy version is held against the PyTorch port's numbers where
these are present.
"""

import dataclasses
import math

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models import losses
from tests.parity import numpy_realm, oracle, ours

# Every constant differs from its default, so that one that does not arrive shows.
ODD = numpy_realm.Shape(
    gelu="tanh", epsilon=0.02, projection_epsilon=0.05, span_epsilon=0.3, span_width=3
)
SHAPES = {"bert": numpy_realm.Shape(), "odd": ODD}
B, K, S, R = 3, 4, 5, 2  # batch size, candidates, searched blocks, read blocks


@pytest.fixture(scope="module", params=SHAPES, ids=SHAPES)
def shape(request):
    return SHAPES[request.param]


def _sequences(rng, *leading, length, vocab):
    """Sequences of unequal lengths, padded, with two segments."""
    limits = rng.integers(length // 2, length + 1, (*leading, 1))
    place = np.arange(length)
    mask = np.broadcast_to(place < limits, (*leading, length))
    types_ = mask & (place >= limits // 2)
    return ours.inputs(rng.integers(1, vocab, mask.shape) * mask, mask, types_)


@pytest.fixture(scope="module")
def pretraining(shape):
    rng = np.random.default_rng(1)
    labels = np.full((B, 16), -1)
    labels[0, [2, 3, 6]] = 7, 2, 9
    labels[1, 4] = 11
    labels[2, [1, 5]] = 30, 3
    candidate_mask = np.ones((B, K), np.int32)
    candidate_mask[1, 2:] = 0
    weights = {
        **numpy_realm.random_weights(shape, "embedder", seed=2, prefix=ours.EMBEDDER),
        **numpy_realm.random_weights(shape, "encoder", seed=3, prefix=ours.ENCODER),
    }
    batch = ours.masked_batch(
        _sequences(rng, B, length=9, vocab=shape.vocab),
        _sequences(rng, B, K, length=12, vocab=shape.vocab),
        _sequences(rng, B, K, length=16, vocab=shape.vocab),
        labels,
        candidate_mask,
    )
    return batch, weights, labels


def _relevance(weights, batch, shape):
    return numpy_realm.relevance(weights, ours.EMBEDDER, batch["query"], batch["blocks"], shape)


def _token_loss(weights, batch, labels, shape):
    return numpy_realm.marginal_loss(
        _relevance(weights, batch, shape),
        numpy_realm.token_logits(weights, ours.ENCODER, batch["joint"], shape),
        labels,
        count=(labels >= 0).sum(),
        exists=batch["candidate_mask"] > 0,
    )


def _span_loss(weights, batch, labels, shape):
    """The paper's equation 1, written out."""
    scores = np.where(batch["candidate_mask"] > 0, _relevance(weights, batch, shape), -np.inf)
    p_z = np.exp(numpy_realm.log_softmax(scores))
    logits = numpy_realm.token_logits(weights, ours.ENCODER, batch["joint"], shape)
    p_y, total = np.exp(numpy_realm.log_softmax(logits)), 0.0
    for b, row in enumerate(labels):
        places = np.flatnonzero(row >= 0)
        likelihood = sum(
            p_z[b, k] * math.prod(p_y[b, k, m, row[m]] for m in places) for k in range(K)
        )
        total -= math.log(likelihood)
    return total / (labels >= 0).sum()


_OBJECTIVES = {"token": _token_loss, "span": _span_loss}


def _check_slopes(gradients, loss, weights):
    """Every tensor's gradient in a random direction, against float64 differences of the loss."""
    for name, direction, slope in numpy_realm.slopes(loss, weights, sorted(weights)):
        ours_ = np.vdot(gradients[name], direction) if name in gradients else 0.0
        np.testing.assert_allclose(ours_, slope, rtol=2e-5, atol=1e-6, err_msg=name)


def test_scores_and_logits(shape, pretraining):
    batch, weights, _ = pretraining
    outputs = ours.make_realm(shape, weights)(batch)
    expected = numpy_realm.embed(weights, ours.EMBEDDER, batch["query"], shape)
    np.testing.assert_allclose(outputs.query_emb, expected, atol=2e-5)
    np.testing.assert_allclose(outputs.relevance, _relevance(weights, batch, shape), atol=2e-5)
    logits = numpy_realm.token_logits(weights, ours.ENCODER, batch["joint"], shape)
    for b, m in np.argwhere(batch["mask_weights"]):
        expected = logits[b, :, batch["mask_positions"][b, m]]
        np.testing.assert_allclose(outputs.token_logits[b, :, m], expected, atol=2e-5)


@pytest.mark.parametrize("objective", _OBJECTIVES)
def test_pretraining_loss_and_gradients(shape, pretraining, objective):
    batch, weights, labels = pretraining
    model = ours.make_realm(shape, weights)
    loss, gradients = ours.pretrain_loss(model, batch, objective=objective)

    def expected(changed):
        return _OBJECTIVES[objective](changed, batch, labels, shape)

    np.testing.assert_allclose(loss, expected(weights), atol=1e-5)
    _check_slopes(gradients, expected, weights)


@pytest.fixture(scope="module")
def question_answering(shape):
    rng = np.random.default_rng(4)
    weights = {
        **numpy_realm.random_weights(shape, "embedder", seed=2, prefix=ours.EMBEDDER),
        **numpy_realm.random_weights(shape, "reader", seed=5, prefix=ours.READER),
    }
    joint = _sequences(rng, B, R, length=14, vocab=shape.vocab)
    body = joint.type_ids.copy()
    np.put_along_axis(body, joint.mask.sum(-1, keepdims=True) - 1, 0, axis=-1)  # the last [SEP]
    first = body.argmax(-1)[..., None]
    starts = np.concatenate([first, first + 1], -1)
    exists = np.zeros((B, R, 2), np.int32)
    exists[0] = [[1, 0], [0, 0]]
    exists[2] = [[0, 0], [1, 1]]  # the second example has no answer in what is read
    has_answer = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 1, 1, 0, 1]], np.int32)
    retrieved = np.ones((B, S), np.int32)
    retrieved[2, 4] = 0
    batch = {
        "question": _sequences(rng, B, length=8, vocab=shape.vocab),
        "block_emb": rng.normal(0, 0.5, (B, S, shape.projection)).astype(np.float32),
        "joint": joint,
        "retrieved_mask": retrieved,
        "retrieved_has_answer": has_answer,
        "body_mask": body,
        "answer_starts": starts.astype(np.int32),
        "answer_ends": (starts + np.array([0, 1])).astype(np.int32),
        "answer_mask": exists,
    }
    return batch, weights


def _qa_logits(weights, batch, shape):
    query = numpy_realm.embed(weights, ours.EMBEDDER, batch["question"], shape)
    relevance = np.array(
        [vectors @ q for q, vectors in zip(query, batch["block_emb"], strict=True)]
    )
    flat = numpy_realm.flat(batch["joint"])
    logits = numpy_realm.span_logits(weights, ours.READER, flat, shape)
    return relevance, logits.reshape(B, R, *logits.shape[1:])


def _span_facts(batch, shape):
    """Which spans exist, and which are right, counted one by one."""
    length = batch["body_mask"].shape[-1]
    exists = np.zeros((B, R, length, shape.span_width), bool)
    for b, r, first, more in np.ndindex(exists.shape):
        body, last = batch["body_mask"][b, r], first + more
        exists[b, r, first, more] = last < length and body[first] and body[last]
    right = np.zeros_like(exists)
    for b, r, a in np.argwhere(batch["answer_mask"]):
        first = batch["answer_starts"][b, r, a]
        right[b, r, first, batch["answer_ends"][b, r, a] - first] = True
    return exists, right


def _qa_loss(weights, batch, shape):
    relevance, logits = _qa_logits(weights, batch, shape)
    exists, right = _span_facts(batch, shape)
    total = 0.0
    for b in range(B):
        total += numpy_realm.correct_loss(
            relevance[b], batch["retrieved_has_answer"][b] > 0, batch["retrieved_mask"][b] > 0
        )
        joined = logits[b] + relevance[b, :R, None, None]
        total += numpy_realm.correct_loss(joined, right[b], exists[b])
    return total / B


def test_span_logits(shape, question_answering):
    batch, weights = question_answering
    relevance, expected = _qa_logits(weights, batch, shape)
    retriever_logits, logits = ours.make_open_qa(shape, weights)(batch)
    np.testing.assert_allclose(retriever_logits, relevance, atol=2e-5)
    inside = ~np.isnan(expected)
    assert inside.any()
    np.testing.assert_allclose(logits.numpy()[inside], expected[inside], atol=2e-5)


def test_open_qa_loss_and_gradients(shape, question_answering):
    batch, weights = question_answering
    loss, gradients, sums = ours.open_qa_loss(ours.make_open_qa(shape, weights), batch)

    def expected(changed):
        return _qa_loss(changed, batch, shape)

    np.testing.assert_allclose(loss, expected(weights), atol=1e-5)
    _check_slopes(gradients, expected, weights)
    assert [float(x) for x in sums["retriever_zeroed"]] == [0, B]
    assert [float(x) for x in sums["reader_zeroed"]] == [1, B]


def test_accuracy_counts_examples_whose_best_span_is_right(shape, question_answering):
    batch, weights = question_answering
    relevance, logits = _qa_logits(weights, batch, shape)
    exists, right = _span_facts(batch, shape)
    joined = np.where(exists, logits + relevance[:, :R, None, None], -np.inf).reshape(B, -1)
    expected = right.reshape(B, -1)[np.arange(B), joined.argmax(-1)].sum()
    _, _, sums = ours.open_qa_loss(ours.make_open_qa(shape, weights), batch)
    assert float(sums["answer_accuracy"][0]) == expected


def test_ict_loss_is_over_all_pairs_of_the_batch(shape):
    weights = numpy_realm.random_weights(shape, "embedder", seed=2, prefix=ours.EMBEDDER)
    rng = np.random.default_rng(6)
    query = _sequences(rng, B, length=9, vocab=shape.vocab)
    block = _sequences(rng, B, length=12, vocab=shape.vocab)
    made = ours.make_embedder(shape, weights)
    pairs = losses.ict_logits_and_labels(made.embed_queries(query), made.embed_blocks(block))
    q, z = (numpy_realm.embed(weights, ours.EMBEDDER, x, shape) for x in (query, block))
    expected = -np.diagonal(numpy_realm.log_softmax(q @ z.T)).mean()
    np.testing.assert_allclose(losses.ict_loss(*pairs), expected, atol=1e-5)


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
    plain, odd = (dataclasses.asdict(s) for s in SHAPES.values())
    assert all(plain[name] != odd[name] for name in names)
    assert isinstance(ours.inputs(*[np.zeros((1, 1))] * 3), types.EncoderInputs)
