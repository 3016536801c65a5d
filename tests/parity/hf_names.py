# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch port's names and layouts for the variables of our models.

A loader of the tests' own, so that the proof does not rest on the importers. A dense kernel is
[output, input] there and [input, output] here; attention kernels are split into heads here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from realm_tf.models import embedder, encoder, reader

_EMBEDDINGS = {
    "embeddings.word_embeddings.weight": "word_embeddings/embeddings",
    "embeddings.position_embeddings.weight": "position_embedding/embeddings",
    "embeddings.token_type_embeddings.weight": "type_embeddings/embeddings",
    "embeddings.LayerNorm.weight": "embeddings/layer_norm/gamma",
    "embeddings.LayerNorm.bias": "embeddings/layer_norm/beta",
    "pooler.dense.weight": "pooler_transform/kernel",
    "pooler.dense.bias": "pooler_transform/bias",
}
_LAYER = {
    "attention.self.query": "self_attention/query",
    "attention.self.key": "self_attention/key",
    "attention.self.value": "self_attention/value",
    "attention.output.dense": "self_attention/attention_output",
    "attention.output.LayerNorm": "self_attention_layer_norm",
    "intermediate.dense": "intermediate",
    "output.dense": "output",
    "output.LayerNorm": "output_layer_norm",
}

Named = dict[str, tf.Variable]


def of_encoder(made: encoder.Encoder, prefix: str = "realm.") -> Named:
    """The encoder's variables, all of them."""
    variables = {v.name.rpartition("bert_encoder_v2")[2].partition("/")[2]: v for v in made.weights}
    ours = dict(_EMBEDDINGS)
    for number in range(sum("self_attention/query/kernel" in name for name in variables)):
        for name, layer in _LAYER.items():
            weight, bias = ("gamma", "beta") if "LayerNorm" in name else ("kernel", "bias")
            where = f"encoder.layer.{number}.{name}"
            ours[f"{where}.weight"] = f"transformer/layer_{number}/{layer}/{weight}"
            ours[f"{where}.bias"] = f"transformer/layer_{number}/{layer}/{bias}"
    return {prefix + name: variables.pop(f"{mine}:0") for name, mine in ours.items()} | variables


def of_tower(tower: embedder.Tower, prefix: str = "") -> Named:
    """`RealmEmbedder` without its masked-LM head, which nothing uses."""
    return {
        **of_encoder(tower.encoder, f"{prefix}realm."),
        f"{prefix}cls.dense.weight": tower.projection.kernel,
        f"{prefix}cls.dense.bias": tower.projection.bias,
        f"{prefix}cls.LayerNorm.weight": tower.layer_norm.gamma,
        f"{prefix}cls.LayerNorm.bias": tower.layer_norm.beta,
    }


def of_knowledge_encoder(made: reader.KnowledgeAugmentedEncoder, prefix: str = "") -> Named:
    """`RealmKnowledgeAugEncoder`."""
    head, where = made.masked_lm, f"{prefix}cls.predictions"
    bias = next(v for v in head.weights if "output_bias" in v.name)
    return {
        **of_encoder(made.encoder, f"{prefix}realm."),
        f"{where}.bias": bias,
        f"{where}.transform.dense.weight": head.dense.kernel,
        f"{where}.transform.dense.bias": head.dense.bias,
        f"{where}.transform.LayerNorm.weight": head.layer_norm.gamma,
        f"{where}.transform.LayerNorm.bias": head.layer_norm.beta,
    }


def of_span_reader(made: reader.SpanReader, prefix: str = "") -> Named:
    """`RealmReader` without the masked-LM head."""
    where = f"{prefix}qa_outputs"
    return {
        **of_encoder(made.encoder, f"{prefix}realm."),
        f"{where}.dense_intermediate.weight": made.span_projection.kernel,
        f"{where}.dense_intermediate.bias": made.span_projection.bias,
        f"{where}.layer_normalization.weight": made.span_norm.gamma,
        f"{where}.layer_normalization.bias": made.span_norm.beta,
        f"{where}.dense_output.weight": made.span_logit.kernel,
        f"{where}.dense_output.bias": made.span_logit.bias,
    }


def load(named: Named, weights: Mapping[str, np.ndarray]) -> None:
    """Assigns every variable; a missing name or another number of elements is an error."""
    for name, variable in named.items():
        value = np.asarray(weights[name])
        if _is_dense(name):
            value = value.T
        variable.assign(value.reshape(variable.shape))


def in_port_layout(name: str, value: tf.Tensor) -> np.ndarray:
    """A variable's value or gradient in the layout that the port gives it."""
    array = tf.convert_to_tensor(value).numpy()
    if not _is_dense(name):
        return array.reshape(-1) if name.endswith(".bias") else array
    if ".attention.self." in name:
        return array.reshape(array.shape[0], -1).T
    return array.reshape(-1, array.shape[-1]).T


def _is_dense(name: str) -> bool:
    return name.endswith(".weight") and not any(
        part in name for part in ("LayerNorm", "layer_normalization", "embeddings")
    )
