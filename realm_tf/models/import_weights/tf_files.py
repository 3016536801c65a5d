# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the files of a TensorFlow checkpoint: weights, bert_config.json and vocabulary.

A source is a checkpoint's prefix, a directory with one checkpoint, or a TF-Hub module (a directory
with `variables/variables` and `assets/vocab.txt`). Sizes are read off the shapes;
`bert_config.json` beside the checkpoint says what shapes do not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.models.import_weights import hf_files, hf_tokenizer

CONFIG = "bert_config.json"
_HEAD_SIZE = 64  # of every BERT that Google released
_INDEX = ".index"
# Google's BERT and Model Garden compute GELU in its tanh form, and name it "gelu" all the same.
_ACTIVATIONS = {"gelu": "gelu_new"}


class TfCheckpoint(NamedTuple):
    """The content of a TensorFlow checkpoint, with the configuration and vocabulary beside it.

    Attributes:
      path: Path of the checkpoint as the user gave it.
      tensors: Weights by name.
      files: Paths of the files that were read.
      config: Content of bert_config.json; empty if there is none.
      vocab_file: Path of vocab.txt; None if there is none.
      lower_case: Whether the tokenizer lower-cases texts.
      notes: Notes for the user on the tokenizer.
    """

    path: str
    tensors: dict[str, np.ndarray]
    files: tuple[str, ...]
    config: dict[str, Any]
    vocab_file: str | None
    lower_case: bool
    notes: tuple[str, ...]


def read(path: str) -> TfCheckpoint:
    """Reads a TensorFlow checkpoint, and the configuration and vocabulary beside it.

    Raises:
      UserError: If there is none, several, or it is damaged.
    """
    prefix = _prefix(path)
    folder = os.path.dirname(prefix)
    tensors = read_tensors(prefix)
    files = checkpoint_files(prefix)
    # A module keeps its variables one folder down, its vocabulary in another.
    roots = [folder, os.path.dirname(folder)] if folder.endswith("variables") else [folder]
    config: dict[str, Any] = {}
    tokenizer = hf_tokenizer.HfTokenizer(None, True)
    for root in (*roots, *(os.path.join(r, "assets") for r in roots)):
        if tf.io.gfile.exists(os.path.join(root, CONFIG)):
            config = artifacts.read_json(os.path.join(root, CONFIG))
            files = (os.path.join(root, CONFIG), *files)
        found = hf_tokenizer.read(root)
        tokenizer = found if found.vocab_file else tokenizer
    return TfCheckpoint(path, tensors, files, config, *tokenizer)


def read_tensors(prefix: str) -> dict[str, np.ndarray]:
    """All tensors of a checkpoint, by name.

    Raises:
      UserError: If it is damaged.
    """
    folder, name = os.path.split(prefix)
    try:
        with artifacts.plain_path(folder) as plain:
            reader = tf.train.load_checkpoint(os.path.join(plain, name))
        names = reader.get_variable_to_shape_map()
        return {n: reader.get_tensor(n) for n in names if not n.startswith("_CHECKPOINTABLE")}
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        raise types.UserError(
            f"{prefix} is not a readable checkpoint: {' '.join(str(error).split())[:200]}"
        ) from None


def checkpoint_files(prefix: str) -> tuple[str, ...]:
    """The files of a TensorFlow checkpoint, which is read for import."""
    folder, name = os.path.split(prefix)
    return (f"{prefix}{_INDEX}", *artifacts.paths_in(folder, prefix=f"{name}.data-"))


def encoder_config(
    checkpoint: TfCheckpoint,
    shapes: Mapping[str, tuple[int, ...]],
    num_layers: int,
    num_heads: int | None,
) -> tuple[config_lib.EncoderConfig, tuple[str, ...]]:
    """Our configuration of the encoder that shapes and, if there is one, bert_config.json describe.

    Args:
      checkpoint: The checkpoint, whose bert_config.json is used if there is one.
      shapes: Shapes of "word_embeddings", "position_embeddings", "type_embeddings" and
        "intermediate".
      num_layers: Number of layers of the encoder.
      num_heads: Number of attention heads; None if the shapes do not tell it.

    Returns:
      The configuration, and notes for the report on what was assumed.

    Raises:
      UserError: If the number of heads cannot be told, or the configuration cannot be used.
    """
    hidden = shapes["word_embeddings"][1]
    config, notes = dict(checkpoint.config), []
    if num_heads is None and "num_attention_heads" not in config:
        if hidden % _HEAD_SIZE:
            raise types.UserError(
                f"{checkpoint.path}: a checkpoint does not tell the number of attention heads, and"
                f" hidden size {hidden} is not a multiple of {_HEAD_SIZE}."
                f" Put its {CONFIG} in its folder."
            )
        notes.append(f"no {CONFIG}: assumed attention heads of size {_HEAD_SIZE}, as BERT's are")
    activation = config.get("hidden_act", "gelu")
    config |= {
        "vocab_size": shapes["word_embeddings"][0],
        "hidden_size": hidden,
        "max_position_embeddings": shapes["position_embeddings"][0],
        "type_vocab_size": shapes["type_embeddings"][0],
        "intermediate_size": shapes["intermediate"][1],
        "num_hidden_layers": num_layers,
        "hidden_act": _ACTIVATIONS.get(activation, activation),
    }
    config["num_attention_heads"] = (
        num_heads or config.get("num_attention_heads") or hidden // _HEAD_SIZE
    )
    _compare(checkpoint, config)
    return hf_files.encoder_config(config, os.path.join(checkpoint.path, CONFIG)), tuple(notes)


def shape_of(checkpoint: TfCheckpoint, name: str) -> tuple[int, ...]:
    """Shape of a tensor of the checkpoint that must be a matrix.

    Raises:
      UserError: If there is no such tensor, or it is no matrix.
    """
    if name not in checkpoint.tensors:
        raise types.UserError(f"{checkpoint.path} lacks variable {name}.")
    shape = checkpoint.tensors[name].shape
    if len(shape) != 2:
        raise types.UserError(
            f"{checkpoint.path}: {name} must be a matrix. Received shape: {list(shape)}."
        )
    return shape


def count_layers(names: Mapping[str, Any], pattern: str) -> int:
    """How many layers a checkpoint's names count: their highest number by `pattern`, plus one."""
    found = [int(m[1]) for name in names if (m := re.match(pattern, name))]
    return max(found, default=-1) + 1


def _compare(checkpoint: TfCheckpoint, found: Mapping[str, Any]) -> None:
    for key, value in found.items():
        stated = checkpoint.config.get(key, value)
        if key != "hidden_act" and stated != value:
            raise types.UserError(
                f"{checkpoint.path}: {CONFIG} says {key} {stated}, but the checkpoint has {value}."
                " They do not belong together."
            )


def _prefix(path: str) -> str:
    path = path.rstrip("/")
    if tf.io.gfile.exists(f"{path}{_INDEX}"):
        return path
    if not tf.io.gfile.isdir(path):
        raise types.UserError(f"{path} is neither a checkpoint's prefix nor a directory.")
    hub = os.path.join(path, "variables", "variables")
    if tf.io.gfile.exists(f"{hub}{_INDEX}"):
        return hub
    found = artifacts.paths_in(path, suffix=_INDEX)
    if len(found) != 1:
        names = ", ".join(os.path.basename(name) for name in found) or "none"
        raise types.UserError(
            f"{path} must hold one checkpoint (a file that ends in {_INDEX}). Found: {names}. Give"
            " the path of one, without that ending."
        )
    return found[0].removesuffix(_INDEX)
