# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The retriever's embedder: text to a vector (Guu et al., 2020, section 3.2).

    embed(text) = LayerNorm(W_proj tanh-pooled BERT([CLS] text [SEP]))

One embedder serves queries and blocks by default, as in the original; two towers are an option.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import encoder


class Tower(tf_keras.layers.Layer):
    """Encoder, projection and LayerNorm.

    Args:
      config: Its shape.
      vocab_size: Wordpieces in the vocabulary.
    """

    def __init__(self, config: config_lib.EmbedderConfig, vocab_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.encoder = encoder.Encoder(
            config.encoder, vocab_size, first_token_only=True, name="encoder"
        )
        self.projection = tf_keras.layers.Dense(
            config.projection_size,
            kernel_initializer=encoder.initializer(config.encoder),
            name="projection",
        )
        self.layer_norm = tf_keras.layers.LayerNormalization(
            epsilon=config.projection_epsilon, dtype=tf.float32, name="layer_norm"
        )
        self.dropout = tf_keras.layers.Dropout(config.dropout, dtype=tf.float32)

    def call(self, inputs: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Embeds <int32>[..., length] inputs into <float32>[..., embed_dim]."""
        _, pooled = self.encoder(encoder.flatten(inputs), training=training)
        vectors = self.layer_norm(tf.cast(self.projection(pooled), tf.float32))
        return encoder.unflatten(self.dropout(vectors, training=training), inputs.word_ids)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {
            **super().get_config(),
            "config": config_lib.to_dict(self._config),
            "vocab_size": self._vocab_size,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Tower:
        """Makes the layer from `get_config`'s dict."""
        tower = config_lib.from_dict(config_lib.EmbedderConfig, config["config"])
        return cls(**{**config, "config": tower})


class Embedder(tf_keras.Model):
    """Embeds queries and blocks into one space where relevance is the inner product.

    Args:
      config: Its shape.
      vocab_size: Wordpieces in the vocabulary.
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
        """<int32>[..., query_length] to <float32>[..., embed_dim]."""
        return self.query_tower(inputs, training=training)

    def embed_blocks(self, inputs: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """<int32>[..., block_length] to <float32>[..., embed_dim]."""
        return self.block_tower(inputs, training=training)

    def call(self, inputs: Any, training: bool | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Embeds (queries, blocks), each `EncoderInputs`; returns the two tensors."""
        queries, blocks = (types.EncoderInputs(*x) for x in inputs)
        return (
            self.embed_queries(queries, training=training),
            self.embed_blocks(blocks, training=training),
        )

    def build_weights(self) -> Embedder:
        """Creates every weight, and returns self."""
        zeros = tf.zeros([1, 4], tf.int32)
        inputs = types.EncoderInputs(zeros, zeros, zeros)
        self((inputs, inputs))
        return self

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {"config": config_lib.to_dict(self._config), "vocab_size": self._vocab_size}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Embedder:
        """Makes the model from `get_config`'s dict."""
        embedder = config_lib.from_dict(config_lib.EmbedderConfig, config["config"])
        return cls(embedder, config["vocab_size"])
