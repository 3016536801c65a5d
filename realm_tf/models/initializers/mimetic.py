# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mimetic initialisation: attention weights that look like those of pre-trained networks.

Trockman and Kolter (2023, "Mimetic Initialization of Self-Attention Layers") found that in trained
transformers the product of query and key weights is near a multiple of the identity, and so is that
of value and output weights, and that small transformers learn much faster when they start so, with
sinusoidal positions. A reader that starts so can match equal wordpieces of query and block, and
carry a wordpiece to where it is predicted, after hundreds of steps instead of thousands. Here
value and output agree in sign: what is looked at is added.

Ours, and not in REALM's paper, which starts from BERT's weights.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
import tf_keras
from official.nlp.modeling import layers as nlp_layers
from official.nlp.modeling import networks

_MATCHING = 1.0  # of query and key
_CARRYING = 0.7  # of value and output
_WAVELENGTH = 10_000.0


def initialize(bert: networks.BertEncoderV2, hidden_size: int) -> None:
    """Initialises a new encoder, in place, with mimetic attention weights.

    Word and position embeddings get the standard deviation hidden_size ** -0.5.

    Args:
      bert: Encoder with random weights as BERT's; they stay, as noise around the identity.
      hidden_size: Width of the encoder.
    """
    scale = hidden_size**-0.5
    words = bert.get_embedding_table()
    words.assign(tf_keras.initializers.RandomNormal(stddev=scale)(words.shape))
    for layer in bert.submodules:
        if isinstance(layer, nlp_layers.PositionEmbedding):
            table = layer.trainable_variables[0]
            table.assign(scale * math.sqrt(2.0) * _sinusoids(*table.shape))
        elif isinstance(layer, tf_keras.layers.MultiHeadAttention):
            initialize_attention(layer)


def initialize_attention(layer: tf_keras.layers.MultiHeadAttention) -> None:
    """Mimetic initialisation of one layer: it looks at equal wordpieces, and adds them."""
    variables = kernels(layer)
    matching = _MATCHING * orthogonal(variables["query"].shape)
    variables["query"].assign_add(matching)
    variables["key"].assign_add(matching)
    carry(layer)


def carry(layer: tf_keras.layers.MultiHeadAttention) -> None:
    """Mimetic initialisation of values: attention adds what it looks at, almost unchanged."""
    variables = kernels(layer)
    carrying = _CARRYING * orthogonal(variables["value"].shape)
    variables["value"].assign_add(carrying)
    variables["attention_output"].assign_add(tf.transpose(carrying, [1, 2, 0]))


def kernels(layer: tf_keras.layers.MultiHeadAttention) -> dict[str, tf.Variable]:
    """The kernels of an attention layer by name.

    Returns:
      "query", "key" and "value" <float32>[hidden_size, num_heads, head_size], and
      "attention_output" <float32>[num_heads, head_size, hidden_size], in this order.
    """
    found = {v.name.split("/")[-2]: v for v in layer.trainable_variables if "kernel" in v.name}
    return {name: found[name] for name in ("query", "key", "value", "attention_output")}


def orthogonal(shape: tf.TensorShape) -> tf.Tensor:
    """An orthogonal matrix whose columns are divided among the heads: [hidden, heads, size]."""
    hidden, heads, size = shape
    return tf.reshape(tf_keras.initializers.Orthogonal()([hidden, heads * size]), shape)


def _sinusoids(length: int, width: int) -> np.ndarray:
    angles = np.arange(length)[:, None] / _WAVELENGTH ** (np.arange(width // 2)[None] * 2 / width)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)
