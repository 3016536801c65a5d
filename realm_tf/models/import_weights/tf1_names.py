# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Names of TensorFlow 1's BERT: google-research/bert, modeling.py and run_pretraining.py.

Kernels are [inputs, outputs]; heads are not a dimension of their own; LayerNorm's variables are
`gamma` and `beta`; the MLM decoder is the word embeddings, and is not stored.
"""

from __future__ import annotations

import re

from realm_tf.models.import_weights import mapping, tf_files

_EMBEDDINGS = {
    "embeddings/word_embeddings": "word_embeddings",
    "embeddings/position_embeddings": "position_embeddings",
    "embeddings/token_type_embeddings": "type_embeddings",
}
_DENSE_IN_LAYER = {
    "attention/self/query": "query",
    "attention/self/key": "key",
    "attention/self/value": "value",
    "attention/output/dense": "attention_output",
    "intermediate/dense": "intermediate",
    "output/dense": "output",
}
_NORM_IN_LAYER = {
    "attention/output/LayerNorm": "attention_norm",
    "output/LayerNorm": "output_norm",
}


def dense(source: str, target: str) -> list[mapping.Rule]:
    """Kernel and bias of a dense layer."""
    return [mapping.Rule(f"{source}/{w}", f"{target}/{w}") for w in ("kernel", "bias")]


def norm(source: str, target: str) -> list[mapping.Rule]:
    """Scale and offset of a LayerNorm."""
    return [mapping.Rule(f"{source}/{w}", f"{target}/{w}") for w in ("gamma", "beta")]


def encoder(num_layers: int, source: str, target: str = "") -> list[mapping.Rule]:
    """A BERT under the prefixes `source` (ending in "bert/") and `target`."""
    to = f"{target}encoder/"
    rules = [mapping.Rule(f"{source}{s}", f"{to}{t}") for s, t in _EMBEDDINGS.items()]
    rules += norm(f"{source}embeddings/LayerNorm", f"{to}embeddings_norm")
    for i in range(num_layers):
        of, into = f"{source}encoder/layer_{i}/", f"{to}layer_{i}/"
        for s, t in _DENSE_IN_LAYER.items():
            rules += dense(f"{of}{s}", f"{into}{t}")
        for s, t in _NORM_IN_LAYER.items():
            rules += norm(f"{of}{s}", f"{into}{t}")
    return rules + dense(f"{source}pooler/dense", f"{to}pooler")


def masked_lm(source: str = "cls/") -> list[mapping.Rule]:
    """BERT's MLM head."""
    return [
        *dense(f"{source}predictions/transform/dense", "masked_lm/dense"),
        *norm(f"{source}predictions/transform/LayerNorm", "masked_lm/norm"),
        mapping.Rule(f"{source}predictions/output_bias", "masked_lm/bias"),
    ]


def sizes(source: tf_files.Source, prefix: str) -> tuple[dict[str, tuple[int, ...]], int]:
    """The shapes that `tf_files.encoder_config` asks for, and the number of layers."""
    shapes = {t: tf_files.shape_of(source, f"{prefix}{s}") for s, t in _EMBEDDINGS.items()}
    shapes["intermediate"] = tf_files.shape_of(
        source, f"{prefix}encoder/layer_0/intermediate/dense/kernel"
    )
    pattern = re.escape(prefix) + r"encoder/layer_(\d+)/"
    return shapes, tf_files.count_layers(source.tensors, pattern)
