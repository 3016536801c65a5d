# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""REALM written down once more, in NumPy and float64, from the papers (BERT, ORQA, REALM).

It shares no code with `realm_tf`, and is slow and plain on purpose. Weights are a dict under the
names, and in the layouts, of the PyTorch port: {name: <float64>}.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]
Inputs = tuple[np.ndarray, np.ndarray, np.ndarray]  # word ids, mask, segment ids


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes and constants of a model."""

    vocab: int = 31
    hidden: int = 12
    layers: int = 2
    heads: int = 3
    inner: int = 20
    positions: int = 24
    segments: int = 2
    projection: int = 5
    span: int = 7
    span_width: int = 4
    gelu: str = "erf"
    epsilon: float = 1e-12
    projection_epsilon: float = 1e-3
    span_epsilon: float = 1e-3


def _dense(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _layer_norm(x: np.ndarray, w: Weights, name: str, epsilon: float) -> np.ndarray:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _gelu(x: np.ndarray, form: str) -> np.ndarray:
    if form == "tanh":
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def bert(
    w: Weights, prefix: str, inputs: Inputs, shape: Shape
) -> tuple[np.ndarray, np.ndarray | None]:
    """Sequence [n, length, hidden]; tanh-pooled first token [n, hidden], None without a pooler."""
    word_ids, mask, type_ids = (np.asarray(x) for x in inputs)
    x = w[f"{prefix}embeddings.word_embeddings.weight"][word_ids]
    x = x + w[f"{prefix}embeddings.position_embeddings.weight"][: word_ids.shape[-1]]
    x = x + w[f"{prefix}embeddings.token_type_embeddings.weight"][type_ids]
    x = _layer_norm(x, w, f"{prefix}embeddings.LayerNorm", shape.epsilon)
    for number in range(shape.layers):
        x = _layer(x, mask, w, f"{prefix}encoder.layer.{number}", shape)
    pooler = f"{prefix}pooler.dense"
    return x, np.tanh(_dense(x[:, 0], w, pooler)) if f"{pooler}.weight" in w else None


def _layer(x: np.ndarray, mask: np.ndarray, w: Weights, name: str, shape: Shape) -> np.ndarray:
    n, length, hidden = x.shape

    def heads(part: str) -> np.ndarray:
        split = _dense(x, w, f"{name}.attention.self.{part}")
        return split.reshape(n, length, shape.heads, -1).transpose(0, 2, 1, 3)

    scores = heads("query") @ heads("key").swapaxes(-1, -2) / math.sqrt(hidden / shape.heads)
    scores = np.where(mask[:, None, None, :] > 0, scores, -np.inf)
    attended = np.exp(log_softmax(scores)) @ heads("value")
    attended = attended.transpose(0, 2, 1, 3).reshape(n, length, hidden)
    attended = _dense(attended, w, f"{name}.attention.output.dense")
    x = _layer_norm(x + attended, w, f"{name}.attention.output.LayerNorm", shape.epsilon)
    inner = _gelu(_dense(x, w, f"{name}.intermediate.dense"), shape.gelu)
    out = _dense(inner, w, f"{name}.output.dense")
    return _layer_norm(x + out, w, f"{name}.output.LayerNorm", shape.epsilon)


def flat(inputs: Inputs) -> Inputs:
    """[..., length] to [n, length]."""
    return tuple(np.asarray(x).reshape(-1, np.shape(x)[-1]) for x in inputs)


def embed(w: Weights, prefix: str, inputs: Inputs, shape: Shape) -> np.ndarray:
    """[..., length] to [..., projection]."""
    _, pooled = bert(w, f"{prefix}realm.", flat(inputs), shape)
    vectors = _dense(pooled, w, f"{prefix}cls.dense")
    vectors = _layer_norm(vectors, w, f"{prefix}cls.LayerNorm", shape.projection_epsilon)
    return vectors.reshape(*np.shape(inputs[0])[:-1], -1)


def relevance(w: Weights, prefix: str, query: Inputs, blocks: Inputs, shape: Shape) -> np.ndarray:
    """[b, length] and [b, k, length] to inner products [b, k]."""
    queries, candidates = embed(w, prefix, query, shape), embed(w, prefix, blocks, shape)
    return np.array(
        [[q @ z for z in row] for q, row in zip(queries, candidates, strict=True)], np.float64
    )


def token_logits(w: Weights, prefix: str, joint: Inputs, shape: Shape) -> np.ndarray:
    """[b, k, length] to [b, k, length, vocab]: at every position."""
    x, _ = bert(w, f"{prefix}realm.", flat(joint), shape)
    head = f"{prefix}cls.predictions"
    x = _gelu(_dense(x, w, f"{head}.transform.dense"), shape.gelu)
    x = _layer_norm(x, w, f"{head}.transform.LayerNorm", shape.epsilon)
    table = w[f"{prefix}realm.embeddings.word_embeddings.weight"]
    logits = x @ table.T + w[f"{head}.bias"]
    return logits.reshape(*np.shape(joint[0]), -1)


def marginal_loss(
    scores: np.ndarray,
    logits: np.ndarray,
    labels: np.ndarray,
    count: float,
    exists: np.ndarray | None = None,
) -> float:
    """Minus the sum over labelled positions of log sum_z p(z) p(y given z), over `count`.

    Args:
      scores: [b, k] relevance.
      logits: [b, k, length, vocab].
      labels: [b, length], negative where there is none.
      count: The denominator.
      exists: [b, k], False at candidates that are padding.
    """
    if exists is not None:
        scores = np.where(exists, scores, -np.inf)
    p_z, p_y, total = np.exp(log_softmax(scores)), log_softmax(logits), 0.0
    for b, position in np.argwhere(np.asarray(labels) >= 0):
        likelihoods = np.exp(p_y[b, :, position, labels[b, position]])
        total -= math.log(p_z[b] @ likelihoods)
    return total / count


def span_logits(w: Weights, prefix: str, joint: Inputs, shape: Shape) -> np.ndarray:
    """[n, length] to [n, length, span_width]: (first wordpiece, width - 1), NaN off the end."""
    x, _ = bert(w, f"{prefix}realm.", joint, shape)
    n, length, _ = x.shape
    starts, ends = np.split(_dense(x, w, f"{prefix}qa_outputs.dense_intermediate"), 2, axis=-1)
    logits = np.full((n, length, shape.span_width), np.nan)
    for first, more in np.ndindex(length, shape.span_width):
        if first + more < length:
            hidden = np.maximum(starts[:, first] + ends[:, first + more], 0)
            norm = f"{prefix}qa_outputs.layer_normalization"
            hidden = _layer_norm(hidden, w, norm, shape.span_epsilon)
            logits[:, first, more] = _dense(hidden, w, f"{prefix}qa_outputs.dense_output")[:, 0]
    return logits


def correct_loss(logits: np.ndarray, correct: np.ndarray, exists: np.ndarray) -> float:
    """Minus log of the share of the correct among all that exists; 0 where nothing is correct."""
    log_p = log_softmax(np.where(exists, logits, -np.inf).reshape(-1))
    right = log_p[(correct & exists).reshape(-1)]
    if not right.size:
        return 0.0
    return -(right.max() + math.log(np.exp(right - right.max()).sum()))


def slopes(
    loss: Callable[[Weights], float],
    weights: Weights,
    names: list[str],
    *,
    seed: int = 0,
    step: float = 1e-5,
) -> Iterator[tuple[str, np.ndarray, float]]:
    """Central differences of a loss: (name, random unit direction, slope), one for each name."""
    rng = np.random.default_rng(seed)
    for name in names:
        direction = rng.normal(size=weights[name].shape)
        direction /= np.linalg.norm(direction)
        up, down = (
            loss({**weights, name: weights[name] + sign * step * direction}) for sign in (1, -1)
        )
        yield name, direction, (up - down) / (2 * step)


def random_weights(shape: Shape, part: str, *, seed: int, prefix: str = "") -> Weights:
    """Random weights of "embedder", "encoder" or "reader", every bias and LayerNorm too."""
    rng = np.random.default_rng(seed)
    sizes = dict(_bert_sizes(shape))
    if part == "embedder":
        sizes |= _dense_sizes("cls.dense", shape.hidden, shape.projection)
        sizes |= _norm_sizes("cls.LayerNorm", shape.projection)
    elif part == "encoder":
        head = "cls.predictions"
        sizes |= {f"{head}.bias": (shape.vocab,)}
        sizes |= _dense_sizes(f"{head}.transform.dense", shape.hidden, shape.hidden)
        sizes |= _norm_sizes(f"{head}.transform.LayerNorm", shape.hidden)
    else:
        sizes |= _dense_sizes("qa_outputs.dense_intermediate", shape.hidden, 2 * shape.span)
        sizes |= _norm_sizes("qa_outputs.layer_normalization", shape.span)
        sizes |= _dense_sizes("qa_outputs.dense_output", shape.span, 1)
    weights = {}
    for name, size in sizes.items():
        mean = 1.0 if len(size) == 1 and name.endswith(".weight") else 0.0
        # As float32, so that both sides compute with the very same numbers.
        value = rng.normal(mean, 0.3, size).astype(np.float32)
        weights[prefix + name] = value.astype(np.float64)
    return weights


def _dense_sizes(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm_sizes(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _bert_sizes(shape: Shape) -> Iterator[tuple[str, tuple[int, ...]]]:
    hidden = shape.hidden
    for name, rows in (
        ("word", shape.vocab),
        ("position", shape.positions),
        ("token_type", shape.segments),
    ):
        yield f"realm.embeddings.{name}_embeddings.weight", (rows, hidden)
    yield from _norm_sizes("realm.embeddings.LayerNorm", hidden).items()
    for number in range(shape.layers):
        layer = f"realm.encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from _dense_sizes(f"{layer}.attention.{part}", hidden, hidden).items()
        yield from _norm_sizes(f"{layer}.attention.output.LayerNorm", hidden).items()
        yield from _dense_sizes(f"{layer}.intermediate.dense", hidden, shape.inner).items()
        yield from _dense_sizes(f"{layer}.output.dense", shape.inner, hidden).items()
        yield from _norm_sizes(f"{layer}.output.LayerNorm", hidden).items()
    yield from _dense_sizes("realm.pooler.dense", hidden, hidden).items()
