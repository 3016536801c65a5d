# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Initialises an encoder with an induction circuit, which copies what stood beside equal words.

To read is to find, in the block, the place whose neighbours are the mask's neighbours. Trained
transformers do it with two layers of attention: heads that look at the previous and the next
wordpiece (Clark et al., 2019, "What Does BERT Look At?"), and after them heads that match what
those have brought (Olsson et al., 2022, "In-context Learning and Induction Heads"). A small reader
with random weights takes other ways, such as any name that the query lacks, and stays there.

So its first two layers start as that circuit. Positions get the first `head_size` dimensions of the
embeddings for themselves, as sinusoids: a rotation of them is a shift, which is how a head looks
one place further. Further layers start as `mimetic` does. All of it is trained from then on.

Ours, and not in REALM's paper, which starts from BERT's weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tf_keras
from official.nlp.modeling import layers as nlp_layers
from official.nlp.modeling import networks

from realm_tf.models.initializers import mimetic

_POSITION_SCALE = 1.5  # of a position's dimensions, relative to a word's
_SHARPNESS = 1.7  # of queries and keys that look at a neighbour
_SHORTEST_PERIOD = 4.0  # of the sinusoids, in positions; the longest is twice the longest input
_OFFSETS = (-1, 1)  # heads 0 and 1 of the first layer: the previous and the next wordpiece


class _Kernels(NamedTuple):
    """The kernels of an attention layer, as arrays that are changed in place."""

    query: np.ndarray  # <float32>[hidden_size, num_heads, head_size], as the next two
    key: np.ndarray
    value: np.ndarray
    output: np.ndarray  # <float32>[num_heads, head_size, hidden_size]


def initialize(bert: networks.BertEncoderV2, hidden_size: int) -> None:
    """Initialises a new encoder, in place, with an induction circuit.

    Args:
      bert: Encoder with random weights as BERT's; they stay, as noise, where nothing else is put.
        It has at least two layers and two heads.
      hidden_size: Width of the encoder.
    """
    first, second, *others = [_attention(layer) for layer in bert.transformer_layers]
    variables = mimetic.kernels(first)
    head_size = variables["query"].shape[2]
    frequencies = _separate_positions(bert, hidden_size, head_size)
    brought = _look_at_neighbours(first, frequencies)
    _match(second, brought)
    for layer in others:
        mimetic.initialize_attention(layer)


def _attention(layer: nlp_layers.TransformerEncoderBlock) -> tf_keras.layers.MultiHeadAttention:
    kind = tf_keras.layers.MultiHeadAttention
    return next(part for part in layer.submodules if isinstance(part, kind))


def _separate_positions(
    bert: networks.BertEncoderV2, hidden_size: int, head_size: int
) -> np.ndarray:
    """Gives positions the first dimensions; returns their frequencies <float32>[head_size / 2]."""
    scale = hidden_size**-0.5
    words = bert.get_embedding_table()
    drawn = tf_keras.initializers.RandomNormal(stddev=scale)(words.shape).numpy()
    drawn[:, :head_size] = 0.0
    words.assign(drawn)
    (embedding,) = (p for p in bert.submodules if isinstance(p, nlp_layers.PositionEmbedding))
    (table,) = embedding.trainable_variables
    length = table.shape[0]
    frequencies = 2 * np.pi / np.geomspace(_SHORTEST_PERIOD, 2 * length, head_size // 2)
    angles = np.arange(length)[:, None] * frequencies
    sinusoids = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    positions = np.zeros(table.shape, np.float32)
    positions[:, :head_size] = _POSITION_SCALE * scale * np.sqrt(2.0) * sinusoids
    table.assign(positions)
    return frequencies


def _look_at_neighbours(
    layer: tf_keras.layers.MultiHeadAttention, frequencies: np.ndarray
) -> np.ndarray:
    """Makes two heads look one place aside, and the others at equal words.

    Returns:
      <float32>[head_size, hidden_size]: where in a wordpiece's state its neighbours now stand.
    """
    variables = mimetic.kernels(layer)
    kernels = _Kernels(*(v.numpy() for v in variables.values()))
    hidden_size, num_heads, head_size = kernels.query.shape
    matching = mimetic.orthogonal(kernels.query.shape).numpy()
    for head in range(len(_OFFSETS), num_heads):
        kernels.query[:, head] += matching[:, head]
        kernels.key[:, head] += matching[:, head]
    brought = np.zeros((head_size, hidden_size), np.float32)
    for head, offset in enumerate(_OFFSETS):
        for kernel in (kernels.query, kernels.key, kernels.value):
            kernel[:, head] = 0.0
        kernels.query[:head_size, head] = _SHARPNESS * _shift(frequencies, offset)
        kernels.key[:head_size, head] = _SHARPNESS * np.eye(head_size)
        kernels.value[head_size:, head] = _columns(hidden_size - head_size, head_size)
        kernels.output[head] = 0.0
        kernels.output[head, :, head_size:] = _columns(hidden_size - head_size, head_size).T
        brought += kernels.output[head]
    for variable, kernel in zip(variables.values(), kernels, strict=True):
        variable.assign(kernel)
    return brought


def _match(layer: tf_keras.layers.MultiHeadAttention, brought: np.ndarray) -> None:
    """Makes every head look where the neighbours are equal, and carry the word that stands there.

    Args:
      layer: The second layer of the encoder.
      brought: The matrix that `_look_at_neighbours` returned.
    """
    variables = mimetic.kernels(layer)
    for name in ("query", "key"):
        variables[name].assign_add(np.repeat(brought.T[:, None], variables[name].shape[1], axis=1))
    mimetic.carry(layer)


def _shift(frequencies: np.ndarray, offset: int) -> np.ndarray:
    """<float32>[head_size, head_size] that turns the sinusoids of i into those of i + offset."""
    sine, cosine = (np.diag(f(offset * frequencies)) for f in (np.sin, np.cos))
    return np.block([[cosine, -sine], [sine, cosine]]).astype(np.float32)


def _columns(rows: int, columns: int) -> np.ndarray:
    """<float32>[rows, columns] with orthonormal columns (or rows, if those are fewer)."""
    return tf_keras.initializers.Orthogonal()([rows, columns]).numpy()
