# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our numbers against the oracle's, as rows: what was compared, and the largest difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.models import encoder, losses
from serving import spans
from tests.parity import hf_names, oracle, ours

# Largest absolute differences in float32.
VECTORS, LOSS, GRADIENT, EXACT = 2e-5, 1e-5, 1e-6, 0.0


class Row(NamedTuple):
    """One comparison.

    Attributes:
      quantity: What was compared.
      bound: The largest difference that passes.
      difference: The largest that was found.
    """

    quantity: str
    bound: float
    difference: float

    @property
    def passes(self) -> bool:
        """False, too, where the difference is not a number."""
        return self.difference <= self.bound


def _row(quantity: str, bound: float, one: Any, other: Any) -> Row:
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"{quantity}: the shapes {one.shape} and {other.shape} differ.")
    return Row(quantity, bound, float(np.abs(one - other).max()))


def embedder(size: str) -> Iterator[Row]:
    """The embedder alone, and its hidden states through an encoder that keeps them all."""
    data, shape = oracle.arrays(size, "embedder"), oracle.SHAPES[size]
    weights, inputs = oracle.weights(size, "embedder"), oracle.inputs(data)
    made = ours.make_embedder(shape, weights)
    vectors = made.embed_blocks(inputs)
    yield _row("projected embedding", VECTORS, vectors, data["out/projected_score"])
    full = encoder.Encoder(ours.model_config(shape).embedder.encoder, shape.vocab)
    full.build(None)
    hf_names.load(hf_names.of_encoder(full, f"{ours.EMBEDDER}realm."), weights)
    sequence, pooled = full(inputs)
    yield _row("pooled [CLS]", VECTORS, pooled, data["out/pooler_output"])
    exists = inputs.mask.astype(bool)
    last = data[f"out/hidden_{shape.layers}"]
    yield _row("last hidden states", VECTORS, sequence.numpy()[exists], last[exists])


def pretraining(size: str) -> Iterator[Row]:
    """Scorer and knowledge-augmented encoder, through the pre-training task."""
    scored, read = oracle.arrays(size, "scorer"), oracle.arrays(size, "encoder")
    weights = oracle.weights(size, "scorer") | oracle.weights(size, "encoder")
    model = ours.make_realm(oracle.SHAPES[size], weights)
    labels, batch_size = read["in/labels"], len(read["in/labels"])
    batch = ours.masked_batch(
        oracle.inputs(scored),
        oracle.inputs(scored, "candidate_"),
        oracle.inputs(read),
        labels,
    )
    outputs = model(batch)
    yield _row("query embeddings", VECTORS, outputs.query_emb, scored["out/query_score"])
    vectors = model.embedder.embed_blocks(batch["blocks"])
    yield _row("candidate embeddings", VECTORS, vectors, scored["out/candidate_score"])
    expected = scored["out/relevance_score"]
    scale = max(1.0, np.abs(expected).max() / 16)  # float32 has steps of 1.5e-5 at 130
    yield _row("relevance scores", VECTORS * scale, outputs.relevance, expected)
    positions = np.tile(np.arange(labels.shape[1], dtype=np.int32), (batch_size, 1))
    logits = model.reader((batch["joint"], positions))
    yield _row("logits of the encoder", VECTORS, *_logits(logits.numpy(), read))
    loss, gradients = ours.pretrain_loss(model, batch)
    yield _row("loss, with the mask", LOSS, loss, read["out/loss"])
    without = _loss_without_mask(outputs.relevance, logits, labels)
    yield _row("loss, without a mask", LOSS, without, read["out/loss_without_mlm_mask"])
    if size == "tiny":
        stored = {k[2:]: v for data in (scored, read) for k, v in data.items() if k[:2] == "g/"}
        yield _gradients("gradients of the retriever", gradients, stored, "scorer.")
        yield _gradients("gradients of the encoder", gradients, stored, "encoder.")


def _logits(logits: np.ndarray, read: oracle.Arrays) -> tuple[np.ndarray, np.ndarray]:
    rows = logits.reshape(-1, *logits.shape[2:])
    if "out/logits" in read:
        return rows, read["out/logits"]
    return rows[:, :4, :64], read["out/logits_slice"]


def _loss_without_mask(relevance: tf.Tensor, logits: tf.Tensor, labels: np.ndarray) -> tf.Tensor:
    """Every position counts; the port gives those without a label the probability 1."""
    labelled = tf.constant(labels >= 0)
    log_p_z = losses.log_retrieval(relevance, tf.ones(relevance.shape, tf.int32))
    targets = np.maximum(labels, 0).astype(np.int32)
    log_p_y = tf.where(labelled[:, tf.newaxis], losses.log_token(logits, targets), 0.0)
    return losses.masked_lm_loss(log_p_z, log_p_y, tf.ones(labels.shape))


def _gradients(
    quantity: str,
    found: Mapping[str, np.ndarray],
    stored: Mapping[str, np.ndarray],
    prefix: str,
) -> Row:
    found, stored = (
        {k: v for k, v in all_of.items() if k.startswith(prefix)} for all_of in (found, stored)
    )
    if found.keys() != stored.keys():
        raise ValueError(f"{quantity}: {sorted(found.keys() ^ stored.keys())} are on one side.")
    worst = max(_row(name, GRADIENT, found[name], stored[name]).difference for name in stored)
    return Row(f"{quantity}, {len(stored)} tensors", GRADIENT, worst)


def question_answering(size: str) -> Iterator[Row]:
    """The span reader and its two losses, through the open-QA task."""
    data = oracle.arrays(size, "reader")
    embedder_weights = oracle.weights(size, "scorer")
    weights = embedder_weights | oracle.weights(size, "reader")
    model = ours.make_open_qa(oracle.SHAPES[size], weights)
    batch = _question(model, data, oracle.inputs(oracle.arrays(size, "scorer")))
    loss, gradients, _ = ours.open_qa_loss(model, batch)
    logits, correct, exists = ours.span_table(model, batch)
    starts, widths = data["out/candidate_starts"], None
    widths = data["out/candidate_ends"] - starts
    expected = data["out/span_logits_before_retriever"]
    valid = exists[:, starts, widths]
    yield _row("which spans exist", EXACT, valid, expected > -1e9)
    yield _row(
        "which spans are right", EXACT, correct[:, starts, widths], data["out/reader_correct"]
    )
    plain = model(batch)[1][0].numpy()[:, starts, widths]
    yield _row("logits of spans", VECTORS, plain[valid], expected[valid])
    yield _row("loss", LOSS, loss, data["out/loss"])
    parts = {
        "retriever loss": ("answer_mask", "retriever_loss"),
        "reader loss": ("retrieved_has_answer", "reader_loss"),
    }
    for quantity, (zeroed, name) in parts.items():
        part = {**batch, zeroed: np.zeros_like(batch[zeroed])}
        yield _row(quantity, LOSS, ours.open_qa_loss(model, part)[0], data[f"out/{name}"])
    yield _best_span(np.where(exists, logits, spans.NO_ANSWER), data)
    if size == "tiny":
        stored = {ours.READER + k[2:]: v for k, v in data.items() if k[:2] == "g/"}
        yield _gradients("gradients of the reader", gradients, stored, ours.READER)
    nothing = {name: np.zeros_like(batch[name]) for name in ("answer_mask", "retrieved_has_answer")}
    loss, gradients, _ = ours.open_qa_loss(model, batch | nothing)
    yield _row("loss without an answer", EXACT, loss, data["out/noanswer_loss"])
    worst = max(np.abs(gradient).max() for gradient in gradients.values())
    yield Row("its gradients (they are 0)", EXACT, float(worst))


def _question(model: Any, data: oracle.Arrays, question: types.EncoderInputs) -> types.Batch:
    """One example, with block vectors whose inner products are the oracle's relevance scores."""
    question = types.EncoderInputs(*(x[:1] for x in question))
    query = model.embed(question).numpy()[0]
    block_emb = np.outer(data["in/relevance_score"], query / (query @ query))
    num_read = len(data["in/input_ids"])
    starts, ends = (data[f"in/{side}_positions"][None, :num_read] for side in ("start", "end"))
    return {
        "question": question,
        "block_emb": block_emb[None].astype(np.float32),
        "joint": types.EncoderInputs(*(x[None] for x in oracle.inputs(data))),
        "retrieved_mask": np.ones((1, len(block_emb)), np.int32),
        "retrieved_has_answer": data["in/has_answers"][None].astype(np.int32),
        "body_mask": data["in/block_mask"][None, :num_read].astype(np.int32),
        "answer_starts": starts.astype(np.int32),
        "answer_ends": ends.astype(np.int32),
        "answer_mask": (starts >= 0).astype(np.int32),
    }


def _best_span(logits: np.ndarray, data: oracle.Arrays) -> Row:
    """The served answer: its block, its first and its last wordpiece."""
    best = spans.best(tf.constant(logits[None]), 1)
    found = [int(part[0, 0]) for part in (best.slot, best.first, best.last)]
    expected = [data["out/block_idx"], data["out/start_pos"][0], data["out/end_pos"][0]]
    return _row("predicted block, start and end", EXACT, found, expected)


GROUPS = {
    "embedder": embedder,
    "pre-training": pretraining,
    "question answering": question_answering,
}
