# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The span tagger network: BERT as a token classifier (Devlin et al., 2019, section 5.3).

It finds the names that pre-training masks. The original used a tagger that was never released.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import encoder as encoder_lib


class SpanTagger(tf_keras.Model):
    """The span tagger: scores the BIO tags of every wordpiece.

    Args:
      config: Configuration of the encoder.
      vocab_size: Number of wordpieces in the vocabulary.
      num_tags: Number of tags that `data.tagging.bio` makes of the labels.
      dropout: Dropout rate before the classifier.
    """

    def __init__(
        self,
        config: config_lib.EncoderConfig,
        vocab_size: int,
        num_tags: int,
        dropout: float = 0.1,
        name: str = "span_tagger",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        self._config, self._vocab_size, self._num_tags = config, vocab_size, num_tags
        self._rate = dropout
        self.encoder = encoder_lib.Encoder(config, vocab_size, name="encoder")
        self.dropout = tf_keras.layers.Dropout(dropout)
        self.classifier = tf_keras.layers.Dense(
            num_tags, kernel_initializer=encoder_lib.initializer(config), name="classifier"
        )

    def call(self, inputs: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Scores <int32>[batch_size, length] inputs as <float32>[batch_size, length, num_tags]."""
        sequence, _ = self.encoder(types.EncoderInputs(*inputs), training=training)
        hidden = self.dropout(sequence, training=training)
        return tf.cast(self.classifier(hidden), tf.float32)

    def build_weights(self) -> SpanTagger:
        """Creates every weight of the model, and returns the model."""
        zeros = tf.zeros([1, 4], tf.int32)
        self(types.EncoderInputs(zeros, zeros, zeros))
        return self

    def get_config(self) -> dict[str, Any]:
        """The settings that `from_config` takes, as nested dicts."""
        return {
            "config": config_lib.to_dict(self._config),
            "vocab_size": self._vocab_size,
            "num_tags": self._num_tags,
            "dropout": self._rate,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> SpanTagger:
        """Makes the model from the settings that `get_config` returned."""
        encoder = config_lib.from_dict(config_lib.EncoderConfig, config["config"])
        return cls(**{**config, "config": encoder})
