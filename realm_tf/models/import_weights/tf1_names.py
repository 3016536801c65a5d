# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Names of variables in TensorFlow 1 checkpoints of BERT (google-research/bert).

Kernels are [inputs, outputs]; heads are not a dimension of their own; LayerNorm's variables are
`gamma` and `beta`; the MLM decoder is the word embeddings, and is not stored.
"""

from __future__ import annotations

import re

from realm_tf.models.import_weights import bert_names, mapping, tf_files

NAMES = bert_names.Dialect(
    separator="/",
    layers="encoder/layer_",
    embedding="",
    dense_parts=("kernel", "bias"),
    norm_parts=("gamma", "beta"),
    transposed=False,
)


def masked_lm(source: str = "cls/") -> list[mapping.Rule]:
    """Rules for BERT's MLM head in a TensorFlow 1 checkpoint."""
    return NAMES.masked_lm(source, bias="output_bias")


def sizes(checkpoint: tf_files.TfCheckpoint, prefix: str) -> tuple[dict[str, tuple[int, ...]], int]:
    """The shapes that `tf_files.encoder_config` asks for, and the number of layers."""
    shapes = {t: tf_files.shape_of(checkpoint, s) for s, t in NAMES.embeddings(prefix).items()}
    shapes["intermediate"] = tf_files.shape_of(
        checkpoint, f"{prefix}encoder/layer_0/intermediate/dense/kernel"
    )
    pattern = re.escape(prefix) + r"encoder/layer_(\d+)/"
    return shapes, tf_files.count_layers(checkpoint.tensors, pattern)


def optimizer_variables(extra: str = "") -> list[mapping.Unused]:
    """The unused variables of optimisers that training leaves in a TensorFlow 1 checkpoint."""
    names = r".*/(adam_m|adam_v|Adam|Adam_1)|(.*/)?(beta[12]_power|global_step)"
    return [mapping.Unused(names + extra, "a variable of the optimiser")]
