# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports our networks as models of the PyTorch port of REALM: config.json, model.safetensors.

Every weight that we hold is written, bit for bit, and importing it again gives the same weights.
What the port has and we have not (unused heads, `block_emb`) is not written: `from_pretrained`
says so and draws it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import tf_keras

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.models.import_weights import hf_files, hf_realm, imported, mapping, safetensors

_ACTIVATIONS = {"gelu_erf": "gelu", "gelu_tanh": "gelu_new"}


def save(
    path: str, kind: str, model: tf_keras.Model, config: config_lib.ModelConfig, vocab_size: int
) -> tuple[str, ...]:
    """Exports a network as a directory that `from_pretrained` of the PyTorch port reads.

    Args:
      path: Directory to write to.
      kind: Kind of the weights: "embedder_weights", "reader_weights", "open_qa_weights",
        "span_reader_weights".
      model: Our network of that kind, with all its weights.
      config: Configuration that the network was made with.
      vocab_size: Number of wordpieces in the vocabulary.

    Returns:
      Notes for the user on what the port cannot represent, so that its outputs will differ.

    Raises:
      UserError: If the port has no such network.
    """
    name = _architecture(kind, config)
    architecture = hf_realm.ARCHITECTURES[name]
    body, notes = _config(name, config, vocab_size)
    tensors = mapping.extract(architecture.variables(model), architecture.rules(config))
    safetensors.write(os.path.join(path, hf_files.SAFETENSORS), tensors)
    text = json.dumps(body, indent=2, sort_keys=True)
    artifacts.write_text(os.path.join(path, "config.json"), text + "\n")
    return notes


def _architecture(kind: str, config: config_lib.ModelConfig) -> str:
    if kind == imported.EMBEDDER and config.embedder.two_towers:
        return "RealmScorer"
    for name, architecture in hf_realm.ARCHITECTURES.items():
        if architecture.kind == kind:
            return name
    raise types.UserError(f"The PyTorch port of REALM has no model for weights of kind {kind!r}.")


def _config(
    name: str, config: config_lib.ModelConfig, vocab_size: int
) -> tuple[dict[str, Any], tuple[str, ...]]:
    embeds, reads = config.embedder, config.reader
    has_embedder = name in ("RealmEmbedder", "RealmScorer", "RealmForOpenQA")
    encoder = embeds.encoder if has_embedder else reads.encoder
    if name == "RealmForOpenQA" and _shape(embeds.encoder) != _shape(reads.encoder):
        raise types.UserError(
            "The PyTorch port of REALM has one configuration for both encoders, but"
            " model.embedder.encoder and model.reader.encoder differ."
        )
    body = {
        "architectures": [name],
        "model_type": "realm",
        "vocab_size": vocab_size,
        "hidden_act": _ACTIVATIONS[encoder.activation],
        "pad_token_id": 0,
        "retriever_proj_size": embeds.projection_size,
        "max_span_width": reads.max_span_width,
        "span_hidden_size": reads.span_size,
        "reader_layer_norm_eps": reads.span_epsilon,
        "torch_dtype": "float32",
    }
    names = {**hf_files.SIZES, **hf_files.OPTIONAL}
    body |= {theirs: getattr(encoder, ours) for theirs, ours in names.items()}
    notes: tuple[str, ...] = ()
    if has_embedder and embeds.projection_epsilon != encoder.layer_norm_epsilon:
        notes = (
            "the port has one LayerNorm epsilon and takes the encoder's"
            f" {encoder.layer_norm_epsilon:g} for the projection, too, which was trained with"
            f" {embeds.projection_epsilon:g}: its vectors differ slightly from ours",
        )
    return body, notes


def _shape(encoder: config_lib.EncoderConfig) -> config_lib.EncoderConfig:
    """An encoder's configuration without what only its initialisation reads."""
    return dataclasses.replace(encoder, initializer="bert", initializer_range=1.0)
