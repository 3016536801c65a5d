# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our numbers against `numpy_realm`'s, as rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from realm_tf.models import losses
from tests.parity import numpy_cases, numpy_realm, ours, rows

OBJECTIVES = ("token", "span")


def pretraining(name: str) -> Iterator[rows.Row]:
    """Scores and logits."""
    case = numpy_cases.Pretraining(numpy_cases.SHAPES[name])
    batch, weights = case.batch, case.weights
    outputs = ours.make_realm(case.shape, weights)(ours.realm_inputs(batch))
    expected = numpy_realm.embed(weights, ours.EMBEDDER, batch.query, case.shape)
    yield rows.compare("query embeddings", rows.VECTORS, outputs.query_emb, expected)
    relevance = case.relevance(weights)
    yield rows.compare("relevance scores", rows.VECTORS, outputs.relevance, relevance)
    places = np.argwhere(batch.mask_weights)
    logits, positions = case.logits(weights), batch.mask_positions
    found = [outputs.token_logits[b, :, m] for b, m in places]
    expected = [logits[b, :, positions[b, m]] for b, m in places]
    yield rows.compare("logits of the encoder", rows.VECTORS, found, expected)


def pretraining_loss(name: str, objective: str) -> Iterator[rows.Row]:
    """The loss of an objective, and every gradient in a random direction."""
    case = numpy_cases.Pretraining(numpy_cases.SHAPES[name])
    model = ours.make_realm(case.shape, case.weights)
    loss, gradients = ours.pretrain_loss(model, case.batch, objective=objective)
    expected = case.loss(case.weights, objective)
    yield rows.compare(f"loss, per {objective}", rows.LOSS, loss, expected)
    yield _slopes(
        f"gradients, per {objective}",
        gradients,
        lambda weights: case.loss(weights, objective),
        case.weights,
    )


def question_answering(name: str) -> Iterator[rows.Row]:
    """Scores, spans, losses and gradients."""
    case = numpy_cases.QuestionAnswering(numpy_cases.SHAPES[name])
    model = ours.make_open_qa(case.shape, case.weights)
    relevance, logits = model(ours.open_qa_inputs(case.batch))
    expected = case.relevance(case.weights)
    yield rows.compare("relevance scores", rows.VECTORS, relevance, expected)
    expected = case.logits(case.weights)
    inside = ~np.isnan(expected)
    found = logits.numpy()[inside]
    yield rows.compare("logits of spans", rows.VECTORS, found, expected[inside])
    loss, gradients, sums = ours.open_qa_loss(model, case.batch)
    yield rows.compare("loss", rows.LOSS, loss, case.loss(case.weights))
    yield _slopes("gradients", gradients, case.loss, case.weights)
    hits = sums["answer_accuracy"][0]
    yield rows.compare("examples answered right", rows.EXACT, hits, case.hits(case.weights))
    zeroed = [sums[f"{part}_zeroed"][0] for part in ("retriever", "reader")]
    yield rows.compare("examples zeroed", rows.EXACT, zeroed, [0, 1])


def ict(name: str) -> Iterator[rows.Row]:
    """The loss over all pairs of a batch."""
    shape, rng = numpy_cases.SHAPES[name], np.random.default_rng(6)
    weights = numpy_cases.embedder_weights(shape)
    query, block = (
        numpy_cases.sequences(rng, numpy_cases.B, length=length, vocab=shape.vocab)
        for length in (9, 12)
    )
    made = ours.make_embedder(shape, weights)
    pairs = losses.ict_logits_and_labels(made.embed_queries(query), made.embed_blocks(block))
    q, z = (numpy_realm.embed(weights, ours.EMBEDDER, x, shape) for x in (query, block))
    expected = -np.diagonal(numpy_realm.log_softmax(q @ z.T)).mean()
    yield rows.compare("loss", rows.LOSS, losses.ict_loss(*pairs), expected)


def _slopes(
    quantity: str,
    gradients: Mapping[str, np.ndarray],
    loss: Callable[[numpy_realm.Weights], float],
    weights: numpy_realm.Weights,
) -> rows.Row:
    """Every tensor's gradient in a random direction, against float64 differences of the loss."""
    worst = 0.0
    for name, direction, slope in numpy_realm.slopes(loss, weights, sorted(weights)):
        found = np.vdot(gradients[name], direction) if name in gradients else 0.0
        worst = max(worst, abs(found - slope))
    return rows.Row(f"{quantity}, {len(weights)} tensors", rows.GRADIENT, worst)


GROUPS: dict[str, Callable[[str], Iterator[rows.Row]]] = {
    "pre-training": pretraining,
    "pre-training, token": lambda name: pretraining_loss(name, "token"),
    "pre-training, span": lambda name: pretraining_loss(name, "span"),
    "question answering": question_answering,
    "ICT": ict,
}
