# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the oracle: what the last PyTorch implementation of REALM (transformers 4.40.2) computed.

It lies beside the repository, in `../shared/oracle`, and is not part of it.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np

from realm_tf import types
from tests.parity import numpy_realm, ours, torch_normal

DIRECTORY = pathlib.Path(__file__).resolve().parents[3] / "shared" / "oracle"

Arrays = dict[str, np.ndarray]

TINY = numpy_realm.Shape(
    vocab=512,
    hidden=48,
    layers=2,
    heads=4,
    inner=96,
    positions=96,
    projection=16,
    span=24,
    span_width=5,
    gelu="tanh",
    projection_epsilon=1e-12,
)
BASE = numpy_realm.Shape(
    vocab=30522,
    hidden=768,
    layers=12,
    heads=12,
    inner=3072,
    positions=512,
    projection=128,
    span=256,
    span_width=10,
    gelu="tanh",
    projection_epsilon=1e-12,
)
SHAPES = {"tiny": TINY, "base": BASE}

# File: the port's class, the seed of its weights, and our prefix for them.
_MODELS = {
    "embedder": ("RealmEmbedder", 1, ours.EMBEDDER),
    "scorer": ("RealmScorer", 2, "scorer."),
    "encoder": ("RealmKnowledgeAugEncoder", 3, ours.ENCODER),
    "reader": ("RealmReader", 4, ours.READER),
}


def is_present() -> bool:
    """Whether the oracle is on this machine."""
    return (DIRECTORY / "tiny_reader.npz").exists()


def arrays(size: str, name: str) -> Arrays:
    """Everything of a file: "in/", "out/", and for size "tiny" the weights "w/", gradients "g/"."""
    folder = DIRECTORY if size == "tiny" else DIRECTORY / size
    with np.load(folder / f"{size}_{name}.npz") as data:
        return dict(data)


def weights(size: str, name: str) -> Arrays:
    """Weights of a model, below our prefix."""
    prefix = _MODELS[name][2]
    if size == "tiny":
        stored = arrays(size, name)
        return {prefix + k[2:]: v for k, v in stored.items() if k.startswith("w/")}
    return {prefix + k: v for k, v in drawn_weights(size, name).items()}


def drawn_weights(size: str, name: str) -> Arrays:
    """Weights of a model from its seed, in the order and with the scales of the oracle's script."""
    kind, seed, _ = _MODELS[name]
    folder = DIRECTORY if size == "tiny" else DIRECTORY / size
    shapes = json.loads((folder / f"{size}_param_shapes.json").read_text())[kind]
    generator, drawn = torch_normal.Generator(seed), {}
    for key, shape in shapes.items():
        if _is_not_drawn(key, name):
            continue
        value = generator.normal(*shape)
        if key.endswith(("LayerNorm.weight", "layer_normalization.weight")):
            drawn[key] = 1 + np.float32(0.1) * value
        elif len(shape) == 1:
            drawn[key] = np.float32(0.1) * value
        else:
            drawn[key] = np.float32(0.08 if size == "tiny" else 0.03) * value
    return drawn


def _is_not_drawn(key: str, name: str) -> bool:
    # Buffers, and parameters that are others' under a second name.
    return (
        key.endswith((".position_ids", ".token_type_ids", "predictions.decoder.bias"))
        or key.startswith("query_embedder.")
        or (name == "encoder" and key.endswith("predictions.decoder.weight"))
    )


def inputs(data: Arrays, prefix: str = "") -> types.EncoderInputs:
    """The encoder inputs of a file."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    return ours.inputs(*(data[f"in/{prefix}{name}"] for name in names))
