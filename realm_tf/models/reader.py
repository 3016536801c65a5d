# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The readers, networks that read a query and a block together (Guu et al., 2020, section 3.2).

Both are a BERT over `[CLS] query [SEP] body [SEP]`, with weights of their own, apart from the
embedder's. The knowledge-augmented encoder predicts masked wordpieces; the span reader scores
answer spans.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras
from official.nlp.modeling import layers as nlp_layers

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import encoder, span_scoring


class _Reader(tf_keras.Model):
    """What the two readers share: an encoder, and how they are made from a config."""

    def __init__(self, config: config_lib.ReaderConfig, vocab_size: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._config = config
        self._vocab_size = vocab_size
        self.encoder = encoder.Encoder(config.encoder, vocab_size, name="encoder")

    @property
    def config(self) -> config_lib.ReaderConfig:
        """The configuration that the network was made with."""
        return self._config

    def get_config(self) -> dict[str, Any]:
        """The settings that `from_config` takes, as nested dicts."""
        return {"config": config_lib.to_dict(self._config), "vocab_size": self._vocab_size}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> _Reader:
        """Makes the model from the settings that `get_config` returned."""
        reader = config_lib.from_dict(config_lib.ReaderConfig, config["config"])
        return cls(reader, config["vocab_size"])


class KnowledgeAugmentedEncoder(_Reader):
    """Predicts the masked wordpieces of a query from the query and one block: p(y given z, x).

    The head is computed at the masked positions alone: the same numbers as at all positions, for a
    fraction of the work. Its decoder is tied to the wordpiece embeddings, as BERT's.
    """

    def __init__(
        self, config: config_lib.ReaderConfig, vocab_size: int, name: str = "reader", **kwargs: Any
    ):
        super().__init__(config, vocab_size, name=name, **kwargs)
        self.encoder.build(None)  # the head is tied to the embeddings, which must exist
        self.masked_lm = nlp_layers.MaskedLM(
            self.encoder.embedding_table,
            activation=encoder.activation(config.encoder),
            initializer=encoder.initializer(config.encoder),
            name="masked_lm",
        )
        self.masked_lm.build(None)
        # Model Garden's layer takes no epsilon and writes 1e-12.
        self.masked_lm.layer_norm.epsilon = config.encoder.layer_norm_epsilon
        if config.encoder.initializer != "bert":
            self.masked_lm.dense.build([None, config.encoder.hidden_size])
            kernel = self.masked_lm.dense.kernel
            kernel.assign_add(tf.eye(*kernel.shape))  # what is attended to passes through

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        """Predicts the masked wordpieces: `masked_states`, then `logits`.

        Args:
          inputs: Pair of the joint `EncoderInputs`, <int32>[batch_size, num_candidates,
            joint_length], and the masked positions, <int32>[batch_size, num_masks]. The query
            stands first in every joint sequence, so one position holds for all candidates.
          training: Whether dropout is on.

        Returns:
          <float32>[batch_size, num_candidates, num_masks, vocab_size] logits.
        """
        joint, positions = types.EncoderInputs(*inputs[0]), inputs[1]
        return self.logits(self.masked_states(joint, positions, training=training))

    def masked_states(
        self, joint: types.EncoderInputs, positions: tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Reads queries and blocks, and keeps what stands at the masks.

        Args:
          joint: `EncoderInputs` <int32>[batch_size, num_candidates, joint_length].
          positions: The masked positions, <int32>[batch_size, num_masks].
          training: Whether dropout is on.

        Returns:
          <float32>[batch_size, num_candidates, num_masks, hidden_size].
        """
        sequence, _ = self.encoder(encoder.flatten(joint), training=training)
        sequence = encoder.unflatten(sequence, joint.word_ids)
        num_candidates = joint.word_ids.shape[1] or tf.shape(joint.word_ids)[1]
        places = tf.repeat(positions[:, tf.newaxis], num_candidates, axis=1)
        return tf.gather(sequence, places, batch_dims=2)

    def logits(self, states: tf.Tensor) -> tf.Tensor:
        """The head on states at masks, <float32>[..., num_masks, hidden_size].

        Returns:
          <float32>[..., num_masks, vocab_size].
        """
        num_masks = states.shape[-2] or tf.shape(states)[-2]
        flat = tf.reshape(states, [-1, num_masks, states.shape[-1]])
        every = tf.repeat(tf.range(num_masks)[tf.newaxis], tf.shape(flat)[0], axis=0)
        logits = tf.reshape(self.masked_lm(flat, every), [-1, self._vocab_size])
        return encoder.unflatten(tf.cast(logits, tf.float32), states)

    def build_weights(self) -> KnowledgeAugmentedEncoder:
        """Creates every weight of the model, and returns the model."""
        zeros = tf.zeros([1, 1, 4], tf.int32)
        self((types.EncoderInputs(zeros, zeros, zeros), tf.zeros([1, 1], tf.int32)))
        return self


class SpanReader(_Reader):
    """Scores the spans of a block as answers to a question (ORQA, Lee et al., 2019, section 5).

    The logit of the span from i to j is w . LayerNorm(ReLU(Ws h_i + We h_j)). The retriever's
    logit is added by the loss and by the exported model, not here.
    """

    def __init__(
        self,
        config: config_lib.ReaderConfig,
        vocab_size: int,
        name: str = "span_reader",
        **kwargs: Any,
    ):
        super().__init__(config, vocab_size, name=name, **kwargs)
        self.span_projection = tf_keras.layers.Dense(
            2 * config.span_size,
            kernel_initializer=encoder.initializer(config.encoder),
            name="span_projection",
        )
        self.span_norm = tf_keras.layers.LayerNormalization(
            epsilon=config.span_epsilon, dtype=tf.float32, name="span_layer_norm"
        )
        self.span_logit = tf_keras.layers.Dense(
            1,
            kernel_initializer=encoder.initializer(config.encoder),
            dtype=tf.float32,
            name="span_logit",
        )
        for layer in (self.span_norm, self.span_logit):  # `call` uses their weights directly
            layer.build([None, config.span_size])

    def call(self, joint: types.EncoderInputs, training: bool | None = None) -> tf.Tensor:
        """Scores every span of at most `max_span_width` wordpieces.

        Args:
          joint: Packed query and block, `EncoderInputs` <int32>[..., joint_length].
          training: Whether dropout is on.

        Returns:
          <float32>[..., joint_length, max_span_width] logits; [i, w] is the span from wordpiece i
          to wordpiece i + w, both included. Spans that leave the sequence or the block's text hold
          numbers too: `span_scoring.span_mask` tells which count.
        """
        joint = types.EncoderInputs(*joint)
        sequence, _ = self.encoder(encoder.flatten(joint), training=training)
        projected = tf.cast(self.span_projection(sequence), tf.float32)
        logits = span_scoring.score(
            projected,
            span_scoring.SpanHead(
                self.span_norm.gamma,
                self.span_norm.beta,
                self.span_logit.kernel,
                self.span_logit.bias,
            ),
            epsilon=self.span_norm.epsilon,
            width=self._config.max_span_width,
        )
        shape = tf.concat([tf.shape(joint.word_ids), [self._config.max_span_width]], 0)
        logits = tf.reshape(logits, shape)
        return tf.ensure_shape(logits, [*joint.word_ids.shape, self._config.max_span_width])

    def build_weights(self) -> SpanReader:
        """Creates every weight of the model, and returns the model."""
        zeros = tf.zeros([1, 4], tf.int32)
        self(types.EncoderInputs(zeros, zeros, zeros))
        return self
