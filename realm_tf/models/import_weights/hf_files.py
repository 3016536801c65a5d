# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the files of a Hugging Face `transformers` model: weights, configuration, vocabulary.

Weights are `model.safetensors`, whole or in parts (`model.safetensors.index.json` names them), or
`pytorch_model.bin`, which only PyTorch can read.
"""

from __future__ import annotations

import importlib
import os
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.models.import_weights import hf_names, hf_tokenizer, safetensors

SAFETENSORS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_TORCH = "pytorch_model.bin"
ACTIVATIONS = {
    "gelu": "gelu_erf",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
}
SIZES = {
    "hidden_size": "hidden_size",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_size",
    "max_position_embeddings": "max_positions",
    "type_vocab_size": "type_vocab_size",
}
OPTIONAL = {
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "initializer_range": "initializer_range",
    "layer_norm_eps": "layer_norm_epsilon",
}


class HfCheckpoint(NamedTuple):
    """The content of a Hugging Face model directory: weights, configuration, vocabulary.

    Attributes:
      path: Path of the directory.
      config: Content of config.json.
      tensors: Weights by name; old names of LayerNorm weights are changed to today's.
      files: Paths of the files that were read.
      vocab_file: Path of vocab.txt; None if there is none.
      lower_case: Whether the tokenizer lower-cases texts.
      notes: Notes for the user on the tokenizer.
    """

    path: str
    config: dict[str, Any]
    tensors: dict[str, np.ndarray]
    files: tuple[str, ...]
    vocab_file: str | None
    lower_case: bool
    notes: tuple[str, ...]


def read(path: str) -> HfCheckpoint:
    """Reads a Hugging Face model directory.

    Raises:
      UserError: If config.json or the weights are missing or cannot be read.
    """
    config_file = os.path.join(path, "config.json")
    config = artifacts.read_json(config_file)
    tensors, files = _tensors(path)
    names = hf_names.normalised(tensors)
    tokenizer = hf_tokenizer.read(path)
    return HfCheckpoint(
        path,
        config,
        {names[name]: array for name, array in tensors.items()},
        (config_file, *files),
        *tokenizer,
    )


def encoder_config(config: dict[str, Any], where: str) -> config_lib.EncoderConfig:
    """Our configuration of the encoder that a config.json describes.

    Raises:
      UserError: If a size is missing, or it describes what our encoder is not.
    """
    missing = [key for key in SIZES if key not in config]
    if missing:
        raise types.UserError(f"{where} lacks {', '.join(missing)}: is it a BERT's config.json?")
    activation = config.get("hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise types.UserError(
            f"{where} has hidden_act {activation!r}; only {', '.join(ACTIVATIONS)} can be used."
        )
    positions = config.get("position_embedding_type", "absolute")
    if positions != "absolute":
        raise types.UserError(
            f"{where} has position_embedding_type {positions!r}; only absolute can be used."
        )
    values = {ours: config[theirs] for theirs, ours in SIZES.items()}
    values |= {ours: config[theirs] for theirs, ours in OPTIONAL.items() if theirs in config}
    return config_lib.from_dict(
        config_lib.EncoderConfig, {**values, "activation": ACTIVATIONS[activation]}
    )


def vocab_size(config: dict[str, Any], where: str) -> int:
    """The value of `vocab_size` in a config.json."""
    if not isinstance(config.get("vocab_size"), int):
        raise types.UserError(f"{where} lacks vocab_size: is it a BERT's config.json?")
    return config["vocab_size"]


def _tensors(path: str) -> tuple[dict[str, np.ndarray], list[str]]:
    def inside(name: str) -> str:
        return os.path.join(path, name)

    if tf.io.gfile.exists(inside(SAFETENSORS)):
        return safetensors.read(inside(SAFETENSORS)), [inside(SAFETENSORS)]
    if tf.io.gfile.exists(inside(_INDEX)):
        names = sorted(set(artifacts.read_json(inside(_INDEX))["weight_map"].values()))
        parts = [safetensors.read(inside(name)) for name in names]
        whole = {name: array for part in parts for name, array in part.items()}
        return whole, [inside(name) for name in names]
    if tf.io.gfile.exists(inside(_TORCH)):
        return _torch_tensors(inside(_TORCH)), [inside(_TORCH)]
    raise types.UserError(f"{path} has no weights: neither {SAFETENSORS}, {_INDEX} nor {_TORCH}.")


def _torch_tensors(path: str) -> dict[str, np.ndarray]:
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        raise types.UserError(
            f"{path} can only be read with PyTorch, which is not installed. Install torch, or"
            f" convert the file to {SAFETENSORS}."
        ) from None
    # weights_only: such a file is a pickle, and a full unpickler would run what it holds.
    state = torch.load(artifacts.localise(path), map_location="cpu", weights_only=True)
    return {name: tensor.float().numpy() for name, tensor in state.items()}
