# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The span reader for inference alone: a lean encoder under the head of `reader.SpanReader`."""

from __future__ import annotations

import tensorflow as tf

from realm_tf import types
from realm_tf.models import reader, span_scoring, variable_names
from realm_tf.models.inference import lean_encoder


class LeanSpanReader(tf.Module):
    """A trained span reader for inference.

    Args:
      model: The trained reader; its weights are copied as they are now.
      dtype: Number type that the encoder computes in, "float32" or "bfloat16"; spans are scored in
        float32.
    """

    def __init__(self, model: reader.SpanReader, *, dtype: str = "float32"):
        super().__init__(name="lean_span_reader")
        self._config = model.config
        weights = {n: v.numpy() for n, v in variable_names.of_span_reader(model).items()}

        def copied(name: str) -> tf.Variable:
            return tf.Variable(weights[f"span/{name}"], trainable=False)

        self._encoder = lean_encoder.LeanEncoder(weights, self._config.encoder, dtype=dtype)
        self._kernel, self._bias = copied("projection/kernel"), copied("projection/bias")
        self._head = span_scoring.SpanHead(
            copied("norm/gamma"), copied("norm/beta"), copied("logit/kernel"), copied("logit/bias")
        )

    def __call__(self, joint: types.EncoderInputs) -> tf.Tensor:
        """Scores spans: <int32>[batch_size, length] to <float32>[.., length, max_span_width]."""
        hidden = self._encoder(joint)
        projected = tf.tensordot(hidden, self._kernel, 1) + self._bias
        return span_scoring.score(
            projected,
            self._head,
            epsilon=self._config.span_epsilon,
            width=self._config.max_span_width,
        )
