# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The BERT encoder: Model Garden's layers, made from our configuration.

A BERT encoder is `official.nlp.modeling.networks.BertEncoderV2`. Two of its constants are
configuration here, because released weights differ in them: the form of GELU (BERT checkpoints use
the erf form, the PyTorch port of REALM the tanh form) and LayerNorm's epsilon.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras
from official.nlp.modeling import layers as nlp_layers
from official.nlp.modeling import networks

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models.initializers import induction, mimetic

_ACTIVATIONS = {
    "gelu_erf": lambda x: tf_keras.activations.gelu(x, approximate=False),
    "gelu_tanh": lambda x: tf_keras.activations.gelu(x, approximate=True),
}

# What changes the weights that BERT's own initialiser has drawn, by `EncoderConfig.initializer`.
_INITIALIZERS = {"mimetic": mimetic.initialize, "induction": induction.initialize}


def activation(config: config_lib.EncoderConfig) -> Callable[[tf.Tensor], tf.Tensor]:
    """The activation function that `config` names."""
    return _ACTIVATIONS[config.activation]


def initializer(config: config_lib.EncoderConfig) -> tf_keras.initializers.Initializer:
    """BERT's weight initialiser; new at every call, so that equal shapes get different weights."""
    return tf_keras.initializers.TruncatedNormal(stddev=config.initializer_range)


def flatten(inputs: types.EncoderInputs) -> types.EncoderInputs:
    """Reshapes <int32>[..., length] to [n, length], since Keras layers fix the rank of inputs."""
    length = inputs.word_ids.shape[-1] or tf.shape(inputs.word_ids)[-1]
    return types.EncoderInputs(*(tf.reshape(x, [-1, length]) for x in inputs))


def unflatten(flat: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Reshapes [n, ...] back to the leading dimensions of `like` [..., length]."""
    leading = [d or tf.shape(like)[i] for i, d in enumerate(like.shape[:-1])]
    inner = [d or tf.shape(flat)[i] for i, d in enumerate(flat.shape[1:], start=1)]
    return tf.reshape(flat, [*leading, *inner])


class Encoder(tf_keras.layers.Layer):
    """A BERT encoder as a Keras layer, made of Model Garden's layers.

    Args:
      config: Configuration of the encoder: its sizes, dropout and activation.
      vocab_size: Number of wordpieces in the vocabulary.
      first_token_only: Whether to compute the last layer for [CLS] alone, which is exact and
        cheaper for embedders.
    """

    def __init__(
        self,
        config: config_lib.EncoderConfig,
        vocab_size: int,
        *,
        first_token_only: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self._first_token_only = first_token_only
        self.bert = networks.BertEncoderV2(
            vocab_size=vocab_size,
            hidden_size=config.hidden_size,
            num_layers=config.num_layers,
            num_attention_heads=config.num_heads,
            max_sequence_length=config.max_positions,
            type_vocab_size=config.type_vocab_size,
            inner_dim=config.intermediate_size,
            inner_activation=activation(config),
            output_dropout=config.dropout,
            attention_dropout=config.attention_dropout,
            initializer=initializer(config),
            output_range=1 if first_token_only else None,
        )
        _set_layer_norm_epsilon(self.bert, config.layer_norm_epsilon)

    def call(
        self, inputs: types.EncoderInputs, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Encodes packed inputs.

        Args:
          inputs: Packed inputs, each <int32>[batch_size, length].
          training: Whether dropout is on.

        Returns:
          `sequence`: <float32>[batch_size, length, hidden_size] (length 1 if `first_token_only`),
          and `pooled`: <float32>[batch_size, hidden_size], the tanh-pooled [CLS].
        """
        names = ("input_word_ids", "input_mask", "input_type_ids")
        outputs = self.bert(dict(zip(names, inputs, strict=True)), training=training)
        return (
            tf.cast(outputs["sequence_output"], tf.float32),
            tf.cast(outputs["pooled_output"], tf.float32),
        )

    @property
    def embedding_table(self) -> tf.Variable:
        """The wordpiece embeddings <float32>[vocab_size, hidden_size]."""
        return self.bert.get_embedding_table()

    def build(self, input_shape: Any) -> None:
        """Creates every weight (Model Garden's encoder makes them on its first call)."""
        zeros = tf.zeros([1, 4], tf.int32)
        names = ("input_word_ids", "input_mask", "input_type_ids")
        self.bert(dict.fromkeys(names, zeros))
        if self._config.initializer in _INITIALIZERS and not self.built:
            _INITIALIZERS[self._config.initializer](self.bert, self._config.hidden_size)
        super().build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The settings that `from_config` takes, as nested dicts."""
        return {
            **super().get_config(),
            "config": config_lib.to_dict(self._config),
            "vocab_size": self._vocab_size,
            "first_token_only": self._first_token_only,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Encoder:
        """Makes the layer from the settings that `get_config` returned."""
        encoder = config_lib.from_dict(config_lib.EncoderConfig, config["config"])
        return cls(**{**config, "config": encoder})


def _set_layer_norm_epsilon(bert: networks.BertEncoderV2, epsilon: float) -> None:
    # BertEncoderV2 takes no epsilon and writes 1e-12 into its layers; they read it when they are
    # built, which is at the first call, so setting it here is in time.
    for layer in bert.submodules:
        if isinstance(layer, tf_keras.layers.LayerNormalization):
            layer.epsilon = epsilon
        elif isinstance(layer, nlp_layers.TransformerEncoderBlock):
            layer._norm_epsilon = epsilon
