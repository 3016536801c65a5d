# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The open-QA model: a query tower to search with and a span reader (Lee et al., 2019).

Only the query side is trained: block vectors are constants of the snapshot, so the index stays
true while the model is fine-tuned (Guu et al., 2020, section 4.3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder as embedder_lib
from realm_tf.models import reader as reader_lib


class OpenQaInputs(NamedTuple):
    """What the model reads of a batch.

    Attributes:
      question: EncoderInputs <int32>[batch_size, query_length].
      joint: EncoderInputs <int32>[batch_size, num_read, joint_length].
      block_emb: <float32>[batch_size, num_searched, embed_dim], best first; the read blocks are the
        first of them.
    """

    question: types.EncoderInputs
    joint: types.EncoderInputs
    block_emb: tf.Tensor


class OpenQaModel(tf_keras.Model):
    """Query tower and span reader.

    Args:
      config: Shapes of both.
      vocab_size: Wordpieces in the vocabulary.
    """

    def __init__(
        self, config: config_lib.ModelConfig, vocab_size: int, name: str = "open_qa", **kwargs: Any
    ):
        # Without autocast, which would round the snapshot's vectors to bfloat16 in mixed precision.
        super().__init__(name=name, autocast=False, **kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.query_tower = embedder_lib.Tower(config.embedder, vocab_size, name="query_tower")
        self.reader = reader_lib.SpanReader(config.reader, vocab_size)

    @property
    def config(self) -> config_lib.ModelConfig:
        """Shapes of both networks."""
        return self._config

    def embed(self, question: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Question `EncoderInputs` <int32>[batch_size, query_length] to its vector."""
        return self.query_tower(types.EncoderInputs(*question), training=training)

    def call(
        self, inputs: OpenQaInputs, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Scores the searched blocks and the spans of the read ones.

        Args:
          inputs: Questions, the searched blocks' vectors, and the read blocks.
          training: Whether dropout is on.

        Returns:
          <float32>[batch_size, num_searched] retriever logits and <float32>[batch_size, num_read,
          joint_length, max_span_width] span logits, the retriever's logit not yet added.
        """
        question, joint, block_emb = inputs
        query_emb = self.embed(question, training=training)
        retriever_logits = tf.einsum("bd,bsd->bs", query_emb, block_emb)
        return retriever_logits, self.reader(joint, training=training)

    def build_weights(self) -> OpenQaModel:
        """Creates every weight, and returns self."""
        zeros = tf.zeros([1, 4], tf.int32)
        self.embed(types.EncoderInputs(zeros, zeros, zeros))
        self.reader.build_weights()
        return self

    def get_config(self) -> dict[str, Any]:
        """What `from_config` takes."""
        return {"config": config_lib.to_dict(self._config), "vocab_size": self._vocab_size}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> OpenQaModel:
        """Makes the model from `get_config`'s dict."""
        model = config_lib.from_dict(config_lib.ModelConfig, config["config"])
        return cls(model, config["vocab_size"])
