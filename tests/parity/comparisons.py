# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our numbers against the oracle's, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.data.questions import question_batches
from realm_tf.models import encoder, losses
from serving import spans
from tests.parity import hf_names, oracle, ours, rows


def embedder(size: str) -> Iterator[rows.Row]:
    """The embedder alone, and its hidden states through an encoder that keeps them all."""
    data, shape = oracle.arrays(size, "embedder"), oracle.SHAPES[size]
    weights, inputs = oracle.weights(size, "embedder"), oracle.inputs(data)
    made = ours.make_embedder(shape, weights)
    vectors = made.embed_blocks(inputs)
    yield rows.compare("projected embedding", rows.VECTORS, vectors, data["out/projected_score"])
    full = encoder.Encoder(ours.model_config(shape).embedder.encoder, shape.vocab)
    full.build(None)
    hf_names.load(hf_names.of_encoder(full, f"{ours.EMBEDDER}realm."), weights)
    sequence, pooled = full(inputs)
    yield rows.compare("pooled [CLS]", rows.VECTORS, pooled, data["out/pooler_output"])
    exists = inputs.mask.astype(bool)
    last = data[f"out/hidden_{shape.layers}"]
    yield rows.compare("last hidden states", rows.VECTORS, sequence.numpy()[exists], last[exists])


def pretraining(size: str) -> Iterator[rows.Row]:
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
    outputs = model(ours.realm_inputs(batch))
    yield rows.compare(
        "query embeddings", rows.VECTORS, outputs.query_emb, scored["out/query_score"]
    )
    vectors = model.embedder.embed_blocks(batch.blocks)
    yield rows.compare("candidate embeddings", rows.VECTORS, vectors, scored["out/candidate_score"])
    expected = scored["out/relevance_score"]
    scale = max(1.0, np.abs(expected).max() / 16)  # float32 has steps of 1.5e-5 at 130
    yield rows.compare("relevance scores", rows.VECTORS * scale, outputs.relevance, expected)
    positions = np.tile(np.arange(labels.shape[1], dtype=np.int32), (batch_size, 1))
    logits = model.reader((batch.joint, positions))
    yield rows.compare("logits of the encoder", rows.VECTORS, *_logits(logits.numpy(), read))
    loss, gradients = ours.pretrain_loss(model, batch)
    yield rows.compare("loss, with the mask", rows.LOSS, loss, read["out/loss"])
    without = _loss_without_mask(outputs.relevance, logits, labels)
    yield rows.compare(
        "loss, without a mask", rows.LOSS, without, read["out/loss_without_mlm_mask"]
    )
    if size == "tiny":
        stored = {k[2:]: v for data in (scored, read) for k, v in data.items() if k[:2] == "g/"}
        yield _gradients("gradients of the retriever", gradients, stored, "scorer.")
        yield _gradients("gradients of the encoder", gradients, stored, "encoder.")


def _logits(logits: np.ndarray, read: oracle.Arrays) -> tuple[np.ndarray, np.ndarray]:
    flat = logits.reshape(-1, *logits.shape[2:])
    if "out/logits" in read:
        return flat, read["out/logits"]
    return flat[:, :4, :64], read["out/logits_slice"]


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
) -> rows.Row:
    found, stored = (
        {k: v for k, v in all_of.items() if k.startswith(prefix)} for all_of in (found, stored)
    )
    if found.keys() != stored.keys():
        raise ValueError(f"{quantity}: {sorted(found.keys() ^ stored.keys())} are on one side.")
    # Beyond 1, float32 itself has larger steps: the order in which a processor sums moves the
    # largest of these gradients, 1.6, by 4.5e-7 to 1.1e-6.
    worst = max(
        rows.compare(name, rows.GRADIENT, found[name], stored[name]).difference
        / max(1.0, np.abs(stored[name]).max())
        for name in stored
    )
    return rows.Row(f"{quantity}, {len(stored)} tensors", rows.GRADIENT, worst)


def question_answering(size: str) -> Iterator[rows.Row]:
    """The span reader and its two losses, through the open-QA task."""
    data = oracle.arrays(size, "reader")
    embedder_weights = oracle.weights(size, "scorer")
    weights = embedder_weights | oracle.weights(size, "reader")
    model = ours.make_open_qa(oracle.SHAPES[size], weights)
    batch = _question(model, data, oracle.inputs(oracle.arrays(size, "scorer")))
    loss, gradients, _ = ours.open_qa_loss(model, batch)
    logits, correct, exists = ours.span_table(model, batch)
    starts = data["out/candidate_starts"]
    widths = data["out/candidate_ends"] - starts
    expected = data["out/span_logits_before_retriever"]
    valid = exists[:, starts, widths]
    yield rows.compare("which spans exist", rows.EXACT, valid, expected > -1e9)
    yield rows.compare(
        "which spans are right", rows.EXACT, correct[:, starts, widths], data["out/reader_correct"]
    )
    plain = model(ours.open_qa_inputs(batch))[1][0].numpy()[:, starts, widths]
    yield rows.compare("logits of spans", rows.VECTORS, plain[valid], expected[valid])
    yield rows.compare("loss", rows.LOSS, loss, data["out/loss"])
    parts = {
        "retriever loss": ("answer_mask", "retriever_loss"),
        "reader loss": ("retrieved_has_answer", "reader_loss"),
    }
    for quantity, (zeroed, name) in parts.items():
        part = batch._replace(**{zeroed: np.zeros_like(getattr(batch, zeroed))})
        yield rows.compare(
            quantity, rows.LOSS, ours.open_qa_loss(model, part)[0], data[f"out/{name}"]
        )
    yield _best_span(np.where(exists, logits, spans.NO_ANSWER), data)
    if size == "tiny":
        stored = {ours.READER + k[2:]: v for k, v in data.items() if k[:2] == "g/"}
        yield _gradients("gradients of the reader", gradients, stored, ours.READER)
    nothing = batch._replace(
        answer_mask=np.zeros_like(batch.answer_mask),
        retrieved_has_answer=np.zeros_like(batch.retrieved_has_answer),
    )
    loss, gradients, _ = ours.open_qa_loss(model, nothing)
    yield rows.compare("loss without an answer", rows.EXACT, loss, data["out/noanswer_loss"])
    worst = max(np.abs(gradient).max() for gradient in gradients.values())
    yield rows.Row("its gradients (they are 0)", rows.EXACT, float(worst))


def _question(
    model: Any, data: oracle.Arrays, question: types.EncoderInputs
) -> question_batches.ReadBatch:
    """One example, with block vectors whose inner products are the oracle's relevance scores."""
    question = types.EncoderInputs(*(x[:1] for x in question))
    query = model.embed(question).numpy()[0]
    block_emb = np.outer(data["in/relevance_score"], query / (query @ query))
    num_read = len(data["in/input_ids"])
    starts, ends = (data[f"in/{side}_positions"][None, :num_read] for side in ("start", "end"))
    return question_batches.ReadBatch(
        question=question,
        block_emb=block_emb[None].astype(np.float32),
        joint=types.EncoderInputs(*(x[None] for x in oracle.inputs(data))),
        retrieved_mask=np.ones((1, len(block_emb)), np.int32),
        retrieved_has_answer=data["in/has_answers"][None].astype(np.int32),
        body_mask=data["in/block_mask"][None, :num_read].astype(np.int32),
        answer_starts=starts.astype(np.int32),
        answer_ends=ends.astype(np.int32),
        answer_mask=(starts >= 0).astype(np.int32),
    )


def _best_span(logits: np.ndarray, data: oracle.Arrays) -> rows.Row:
    """The served answer: its block, its first and its last wordpiece."""
    best = spans.best(tf.constant(logits), 1)
    slot = int(np.argmax(best.logit[:, 0]))
    found = [slot, int(best.first[slot, 0]), int(best.last[slot, 0])]
    expected = [data["out/block_idx"], data["out/start_pos"][0], data["out/end_pos"][0]]
    return rows.compare("predicted block, start and end", rows.EXACT, found, expected)


GROUPS = {
    "embedder": embedder,
    "pre-training": pretraining,
    "question answering": question_answering,
}
