# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a span tagger as a "span_tagger" segment: a SavedModel and its vocabulary.

What is exported is `lean_encoder`, which runs faster than the training layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.tagging import tag_predictions
from realm_tf.models import span_tagger, variable_names
from realm_tf.models.inference import lean_encoder
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary

KIND = "span_tagger"
METRICS = "metrics.json"


class LeanTagger(tf.Module):
    """A trained span tagger for inference alone.

    Args:
      model: The trained tagger; its weights are copied as they are now.
      config: Configuration of its encoder.
      dtype: Number type to compute in, "float32" or "bfloat16".
    """

    def __init__(
        self,
        model: span_tagger.SpanTagger,
        config: config_lib.EncoderConfig,
        *,
        dtype: str = "float32",
    ):
        super().__init__(name="lean_tagger")
        weights = {n: v.numpy() for n, v in variable_names.of_span_tagger(model).items()}
        self._encoder = lean_encoder.LeanEncoder(weights, config, dtype=dtype)
        self._kernel = tf.Variable(weights["tag/kernel"], trainable=False)
        self._bias = tf.Variable(weights["tag/bias"], trainable=False)
        spec = tf.TensorSpec([None, None], tf.int32)
        function = tf.function(self._tag, input_signature=[spec, spec], autograph=False)
        self.tag = function.get_concrete_function()

    def _tag(self, word_ids: tf.Tensor, mask: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = types.EncoderInputs(word_ids, mask, tf.zeros_like(word_ids))
        hidden = self._encoder(inputs)
        return {"logits": tf.tensordot(hidden, self._kernel, 1) + self._bias}

    def logits(self, inputs: types.EncoderInputs) -> np.ndarray:
        """Computes the logits of arrays as an array: a `tag_predictions.LogitsFn`."""
        return self.tag(tf.constant(inputs.word_ids), tf.constant(inputs.mask))["logits"].numpy()


def export(
    lean: LeanTagger,
    path: str,
    *,
    tokenizer: tokenizer_lib.Tokenizer,
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
    metrics: Mapping[str, Any],
    counts: Mapping[str, float],
) -> artifacts.Segment:
    """Writes a "span_tagger" segment.

    Its SavedModel has the signature `tag`: word_ids and mask, <int32>[batch_size, length], to
    logits <float32>[batch_size, length, num_tags].

    Args:
      lean: The tagger to export.
      path: Directory of the segment.
      tokenizer: Tokenizer that the model was trained with.
      settings: Settings of the segment; must hold "labels" and "length".
      made_from: Fingerprints of its inputs by role; must hold "tokenizer".
      metrics: Figures that were measured of it, for the file `METRICS`.
      counts: Counts of the segment, by name.
    """
    settings = {**settings, "lower_case": tokenizer.lower_case}
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    with writer.file(vocabulary.FILE, num_records=tokenizer.vocab_size) as aside:
        artifacts.write_text(aside, "".join(f"{piece}\n" for piece in tokenizer.vocab))
    with writer.file(METRICS) as aside:
        artifacts.write_text(aside, artifacts.canonical_json(metrics))
    target = f"{path}/{artifacts.SAVED_MODEL}"
    tf.saved_model.save(lean, target, signatures={"tag": lean.tag})
    writer.add_tree(artifacts.SAVED_MODEL)
    return writer.commit(**counts)


def load(segment: artifacts.Segment) -> tag_predictions.LogitsFn:
    """Loads the tagger of a "span_tagger" segment; only TensorFlow is needed."""
    with artifacts.plain_path(segment.file(artifacts.SAVED_MODEL)) as directory:
        loaded = tf.saved_model.load(directory)

    def logits(inputs: types.EncoderInputs) -> np.ndarray:
        # Looked up here, and not outside, because a signature alone does not keep its weights.
        tag = loaded.signatures["tag"]
        outputs = tag(word_ids=tf.constant(inputs.word_ids), mask=tf.constant(inputs.mask))
        return outputs["logits"].numpy()

    return logits
