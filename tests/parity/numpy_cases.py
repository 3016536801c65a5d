# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random models and batches, and what their losses are by `numpy_realm`."""

from __future__ import annotations

import functools
import math

import numpy as np

from realm_tf import types
from realm_tf.data.questions import question_batches
from tests.parity import numpy_realm, ours

# Every constant of the second differs from its default, so that one that does not arrive shows.
SHAPES = {
    "bert": numpy_realm.Shape(),
    "odd": numpy_realm.Shape(
        gelu="tanh", epsilon=0.02, projection_epsilon=0.05, span_epsilon=0.3, span_width=3
    ),
}
B, K, S, R = 3, 4, 5, 2  # batch size, candidates, searched blocks, read blocks


def sequences(
    rng: np.random.Generator, *leading: int, length: int, vocab: int
) -> types.EncoderInputs:
    """Sequences of unequal lengths, padded, with two segments."""
    limits = rng.integers(length // 2, length + 1, (*leading, 1))
    place = np.arange(length)
    mask = np.broadcast_to(place < limits, (*leading, length))
    segments = mask & (place >= limits // 2)
    return ours.inputs(rng.integers(1, vocab, mask.shape) * mask, mask, segments)


def embedder_weights(shape: numpy_realm.Shape) -> numpy_realm.Weights:
    """Of the embedder that both models have."""
    return numpy_realm.random_weights(shape, "embedder", seed=2, prefix=ours.EMBEDDER)


class Pretraining:
    """A pre-training model and a batch, which lacks two candidates.

    Args:
      shape: Of the model.
    """

    def __init__(self, shape: numpy_realm.Shape):
        rng = np.random.default_rng(1)
        self.shape = shape
        encoder = numpy_realm.random_weights(shape, "encoder", seed=3, prefix=ours.ENCODER)
        self.weights = {**embedder_weights(shape), **encoder}
        self.labels = np.full((B, 16), -1)
        self.labels[0, [2, 3, 6]] = 7, 2, 9
        self.labels[1, 4] = 11
        self.labels[2, [1, 5]] = 30, 3
        candidate_mask = np.ones((B, K), np.int32)
        candidate_mask[1, 2:] = 0
        self.batch = ours.masked_batch(
            sequences(rng, B, length=9, vocab=shape.vocab),
            sequences(rng, B, K, length=12, vocab=shape.vocab),
            sequences(rng, B, K, length=16, vocab=shape.vocab),
            self.labels,
            candidate_mask,
        )

    def relevance(self, weights: numpy_realm.Weights) -> np.ndarray:
        """[B, K]."""
        query, blocks = self.batch.query, self.batch.blocks
        return numpy_realm.relevance(weights, ours.EMBEDDER, query, blocks, self.shape)

    def logits(self, weights: numpy_realm.Weights) -> np.ndarray:
        """[B, K, joint_length, vocab]."""
        return numpy_realm.token_logits(weights, ours.ENCODER, self.batch.joint, self.shape)

    def loss(self, weights: numpy_realm.Weights, objective: str) -> float:
        """Of an objective of ours."""
        exists, count = self.batch.candidate_mask > 0, (self.labels >= 0).sum()
        scores, logits = self.relevance(weights), self.logits(weights)
        if objective == "token":
            return numpy_realm.marginal_loss(scores, logits, self.labels, count, exists)
        # The paper's equation 1, written out.
        p_z = np.exp(numpy_realm.log_softmax(np.where(exists, scores, -np.inf)))
        p_y, total = np.exp(numpy_realm.log_softmax(logits)), 0.0
        for b, row in enumerate(self.labels):
            places = np.flatnonzero(row >= 0)
            total -= math.log(
                sum(p_z[b, k] * math.prod(p_y[b, k, m, row[m]] for m in places) for k in range(K))
            )
        return total / count


class QuestionAnswering:
    """A question-answering model and a batch.

    The first example's best span is right, the second has no answer in what is read.

    Args:
      shape: Of the model.
    """

    def __init__(self, shape: numpy_realm.Shape):
        rng = np.random.default_rng(4)
        self.shape = shape
        reader = numpy_realm.random_weights(shape, "reader", seed=5, prefix=ours.READER)
        self.weights = {**embedder_weights(shape), **reader}
        joint = sequences(rng, B, R, length=14, vocab=shape.vocab)
        body = joint.type_ids.copy()
        last = joint.mask.sum(-1, keepdims=True) - 1
        np.put_along_axis(body, last, 0, axis=-1)  # the final [SEP]
        first = body.argmax(-1)[..., None]
        starts = np.concatenate([first, first + 1], -1).astype(np.int32)
        answer_mask = np.zeros((B, R, 2), np.int32)
        answer_mask[2, 1] = 1
        retrieved = np.ones((B, S), np.int32)
        retrieved[2, 4] = 0
        right = [[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 1, 1, 0, 1]]
        self.batch = question_batches.ReadBatch(
            question=sequences(rng, B, length=8, vocab=shape.vocab),
            block_emb=rng.normal(0, 0.5, (B, S, shape.projection)).astype(np.float32),
            joint=joint,
            retrieved_mask=retrieved,
            retrieved_has_answer=np.array(right, np.int32),
            body_mask=body,
            answer_starts=starts,
            answer_ends=starts + np.array([0, 1], np.int32),
            answer_mask=answer_mask,
        )
        self._answer_with_the_best_span(0)

    def _answer_with_the_best_span(self, example: int) -> None:
        joined = np.where(self.exists, self.joined(self.weights), -np.inf)[example]
        slot, first, more = np.unravel_index(joined.argmax(), joined.shape)
        for name, value in (("starts", first), ("ends", first + more), ("mask", 1)):
            getattr(self.batch, f"answer_{name}")[example, slot, 0] = value

    def relevance(self, weights: numpy_realm.Weights) -> np.ndarray:
        """[B, S]."""
        query = numpy_realm.embed(weights, ours.EMBEDDER, self.batch.question, self.shape)
        pairs = zip(query, self.batch.block_emb, strict=True)
        return np.array([vectors @ q for q, vectors in pairs])

    def logits(self, weights: numpy_realm.Weights) -> np.ndarray:
        """[B, R, joint_length, span_width], NaN off the end."""
        joint = numpy_realm.flat(self.batch.joint)
        logits = numpy_realm.span_logits(weights, ours.READER, joint, self.shape)
        return logits.reshape(B, R, *logits.shape[1:])

    @functools.cached_property
    def exists(self) -> np.ndarray:
        """[B, R, joint_length, span_width]: whether a span begins and ends in the body."""
        body = self.batch.body_mask
        exists = np.zeros((*body.shape, self.shape.span_width), bool)
        for b, r, first, more in np.ndindex(exists.shape):
            last = first + more
            exists[b, r, first, more] = (
                last < body.shape[-1] and body[b, r, first] and body[b, r, last]
            )
        return exists

    @functools.cached_property
    def right(self) -> np.ndarray:
        """[B, R, joint_length, span_width]: whether a span is an answer."""
        right = np.zeros_like(self.exists)
        for place in np.argwhere(self.batch.answer_mask):
            first, last = (
                getattr(self.batch, f"answer_{x}")[tuple(place)] for x in ("starts", "ends")
            )
            right[place[0], place[1], first, last - first] = True
        return right

    def joined(self, weights: numpy_realm.Weights) -> np.ndarray:
        """Span logits with the retriever's added, as `logits`."""
        return self.logits(weights) + self.relevance(weights)[:, :R, None, None]

    def loss(self, weights: numpy_realm.Weights) -> float:
        """Retriever loss and reader loss."""
        relevance, joined, total = self.relevance(weights), self.joined(weights), 0.0
        for b in range(B):
            found = self.batch.retrieved_has_answer[b] > 0
            exists = self.batch.retrieved_mask[b] > 0
            total += numpy_realm.correct_loss(relevance[b], found, exists)
            total += numpy_realm.correct_loss(joined[b], self.right[b], self.exists[b])
        return total / B

    def hits(self, weights: numpy_realm.Weights) -> int:
        """Examples whose best span is right."""
        joined = np.where(self.exists, self.joined(weights), -np.inf).reshape(B, -1)
        return int(self.right.reshape(B, -1)[np.arange(B), joined.argmax(-1)].sum())
