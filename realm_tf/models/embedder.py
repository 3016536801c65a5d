# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The retriever's embedder: text to a vector (Guu et al., 2020, section 3.2).

    embed(text) = LayerNorm(W_proj tanh-pooled BERT([CLS] text [SEP]))

The relevance of a block to a query is the inner product of their vectors. With a `score_scale` both
vectors are longer by its square root, so that the relevance is scaled in every loss, in every index
and in the export, and nothing else has to know of it.

One embedder serves queries and blocks by default, as in the original; two towers are an option, and
so are the other forms of sentence embedders (mean pooling, no projection, unit length), so that
their weights can be used.

`models.inference.lean_encoder` is the same function for inference alone.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import encoder


def mean_pool(sequence: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Mean pooling: the mean over the wordpieces of a sequence, [CLS] and [SEP] included.

    Args:
      sequence: <float32>[batch_size, length, hidden_size].
      mask: <int32>[batch_size, length]; a row of zeros gives a zero vector.

    Returns:
      <float32>[batch_size, hidden_size].
    """
    weights = tf.cast(mask, sequence.dtype)
    total = tf.einsum("bl,blh->bh", weights, sequence)
    return total / tf.maximum(tf.reduce_sum(weights, axis=-1, keepdims=True), 1.0)


def vector_scale(config: config_lib.EmbedderConfig, log_scale: tf.Tensor | None) -> tf.Tensor:
    """What vectors are multiplied by, the square root of the scale of scores: <float32>[].

    Args:
      config: Configuration of the network.
      log_scale: Logarithm of the learned scale, <float32>[]; None: the scale is fixed.
    """
    if log_scale is None:
        return tf.constant(config.score_scale**0.5, tf.float32)
    return tf.exp(0.5 * tf.minimum(log_scale, math.log(config_lib.MAX_LEARNED_SCALE)))


class Tower(tf_keras.layers.Layer):
    """One tower of the embedder: BERT encoder, pooling, projection and normalisation.

    Args:
      config: Configuration of the network: its sizes, pooling and normalisation.
      vocab_size: Number of wordpieces in the vocabulary.
    """

    def __init__(self, config: config_lib.EmbedderConfig, vocab_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.encoder = encoder.Encoder(
            config.encoder, vocab_size, first_token_only=config.pooling == "cls", name="encoder"
        )
        self.projection = (
            tf_keras.layers.Dense(
                config.projection_size,
                kernel_initializer=encoder.initializer(config.encoder),
                name="projection",
            )
            if config.projection_size is not None
            else None
        )
        self.layer_norm = (
            tf_keras.layers.LayerNormalization(
                epsilon=config.projection_epsilon, dtype=tf.float32, name="layer_norm"
            )
            if config.normalisation == "layer_norm"
            else None
        )
        self.log_scale = (
            self.add_weight(
                "log_scale",
                shape=(),
                dtype=tf.float32,
                initializer=tf_keras.initializers.Constant(math.log(config.score_scale)),
                experimental_autocast=False,
            )
            if config.learn_score_scale
            else None
        )
        self.dropout = tf_keras.layers.Dropout(config.dropout, dtype=tf.float32)

    @property
    def config(self) -> config_lib.EmbedderConfig:
        """The configuration that the network was made with."""
        return self._config

    def call(self, inputs: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Embeds <int32>[..., length] inputs into <float32>[..., embed_dim]."""
        flat = encoder.flatten(inputs)
        sequence, vectors = self.encoder(flat, training=training)
        if self._config.pooling == "mean":
            vectors = mean_pool(sequence, flat.mask)
        if self.projection is not None:
            vectors = tf.cast(self.projection(vectors), tf.float32)
        if self.layer_norm is not None:
            vectors = self.layer_norm(vectors)
        elif self._config.normalisation == "l2":
            vectors = tf.math.l2_normalize(vectors, axis=-1)
        if self.log_scale is not None or self._config.score_scale != 1:
            scale = vector_scale(self._config, self.log_scale)
            vectors = tf.cast(vectors, tf.float32) * scale
        return encoder.unflatten(self.dropout(vectors, training=training), inputs.word_ids)

    def get_config(self) -> dict[str, Any]:
        """The settings that `from_config` takes, as nested dicts."""
        return {
            **super().get_config(),
            "config": config_lib.to_dict(self._config),
            "vocab_size": self._vocab_size,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Tower:
        """Makes the layer from the settings that `get_config` returned."""
        tower = config_lib.from_dict(config_lib.EmbedderConfig, config["config"])
        return cls(**{**config, "config": tower})


class Embedder(tf_keras.Model):
    """Embeds queries and blocks as vectors whose inner product is the relevance.

    Args:
      config: Configuration of the network: its sizes, pooling and normalisation.
      vocab_size: Number of wordpieces in the vocabulary.
    """

    def __init__(
        self,
        config: config_lib.EmbedderConfig,
        vocab_size: int,
        name: str = "embedder",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.block_tower = Tower(config, vocab_size, name="block_tower")
        self.query_tower = (
            Tower(config, vocab_size, name="query_tower") if config.two_towers else self.block_tower
        )

    def embed_queries(self, inputs: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Embeds packed queries <int32>[..., query_length] into <float32>[..., embed_dim]."""
        return self.query_tower(inputs, training=training)

    def embed_blocks(self, inputs: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Embeds packed blocks <int32>[..., block_length] into <float32>[..., embed_dim]."""
        return self.block_tower(inputs, training=training)

    def call(self, inputs: Any, training: bool | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Embeds (queries, blocks), each `EncoderInputs`; returns the two tensors."""
        queries, blocks = (types.EncoderInputs(*x) for x in inputs)
        return (
            self.embed_queries(queries, training=training),
            self.embed_blocks(blocks, training=training),
        )

    def build_weights(self) -> Embedder:
        """Creates every weight of the model, and returns the model."""
        zeros = tf.zeros([1, 4], tf.int32)
        inputs = types.EncoderInputs(zeros, zeros, zeros)
        self((inputs, inputs))
        return self

    def get_config(self) -> dict[str, Any]:
        """The settings that `from_config` takes, as nested dicts."""
        return {"config": config_lib.to_dict(self._config), "vocab_size": self._vocab_size}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Embedder:
        """Makes the model from the settings that `get_config` returned."""
        embedder = config_lib.from_dict(config_lib.EmbedderConfig, config["config"])
        return cls(embedder, config["vocab_size"])
