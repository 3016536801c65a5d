# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tiny foreign models with random weights, under the names and shapes of the real ones.

The names are written out here, apart from the importers' tables. Released files were not at hand.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.models.import_weights import safetensors

VOCAB, HIDDEN, LAYERS, HEADS, INNER, POSITIONS, SEGMENTS = 30, 16, 2, 2, 24, 40, 2
PROJECTION, SPAN = 6, 5
DEPTH = HIDDEN // HEADS

Tensors = dict[str, np.ndarray]

CONFIG: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "max_position_embeddings": POSITIONS,
    "type_vocab_size": SEGMENTS,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "initializer_range": 0.02,
}
REALM_CONFIG = {
    **CONFIG,
    "hidden_act": "gelu_new",
    "layer_norm_eps": 1e-12,
    "retriever_proj_size": PROJECTION,
    "span_hidden_size": SPAN,
    "max_span_width": 3,
    "reader_layer_norm_eps": 1e-3,
}


def draw(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> Tensors:
    """Random float32 arrays."""
    rng = np.random.default_rng(seed)
    return {n: rng.normal(0.0, 0.3, s).astype(np.float32) for n, s in shapes.items()}


# PyTorch: state dicts of `transformers`.


def hf_encoder(prefix: str = "", *, pooler: bool = True) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}embeddings.word_embeddings.weight": (VOCAB, HIDDEN),
        f"{prefix}embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        f"{prefix}embeddings.token_type_embeddings.weight": (SEGMENTS, HIDDEN),
        **_hf_norm(f"{prefix}embeddings.LayerNorm", HIDDEN),
    }
    for i in range(LAYERS):
        layer = f"{prefix}encoder.layer.{i}."
        for name in ("query", "key", "value"):
            shapes |= _hf_dense(f"{layer}attention.self.{name}", HIDDEN, HIDDEN)
        shapes |= _hf_dense(f"{layer}attention.output.dense", HIDDEN, HIDDEN)
        shapes |= _hf_norm(f"{layer}attention.output.LayerNorm", HIDDEN)
        shapes |= _hf_dense(f"{layer}intermediate.dense", HIDDEN, INNER)
        shapes |= _hf_dense(f"{layer}output.dense", INNER, HIDDEN)
        shapes |= _hf_norm(f"{layer}output.LayerNorm", HIDDEN)
    return shapes | (_hf_dense(f"{prefix}pooler.dense", HIDDEN, HIDDEN) if pooler else {})


def hf_head(prefix: str = "cls.") -> dict[str, tuple[int, ...]]:
    return {
        f"{prefix}predictions.bias": (VOCAB,),
        **_hf_dense(f"{prefix}predictions.transform.dense", HIDDEN, HIDDEN),
        **_hf_norm(f"{prefix}predictions.transform.LayerNorm", HIDDEN),
    }


def hf_embedder(prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {
        **hf_encoder(f"{prefix}realm."),
        **hf_head(f"{prefix}cls."),
        f"{prefix}cls.predictions.decoder.weight": (VOCAB, HIDDEN),
        f"{prefix}cls.predictions.decoder.bias": (VOCAB,),
        **_hf_dense(f"{prefix}cls.dense", HIDDEN, PROJECTION),
        **_hf_norm(f"{prefix}cls.LayerNorm", PROJECTION),
    }


def hf_reader(prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {
        **hf_encoder(f"{prefix}realm."),
        **hf_head(f"{prefix}cls."),
        **_hf_dense(f"{prefix}qa_outputs.dense_intermediate", HIDDEN, 2 * SPAN),
        **_hf_norm(f"{prefix}qa_outputs.layer_normalization", SPAN),
        **_hf_dense(f"{prefix}qa_outputs.dense_output", SPAN, 1),
    }


def hf_realm(name: str, seed: int = 0) -> Tensors:
    """The state dict of one of the port's five models."""
    if name == "RealmScorer":
        shared = draw(hf_embedder("embedder."), seed)
        return shared | {f"query_{n}": array for n, array in shared.items()}
    shapes = {
        "RealmEmbedder": hf_embedder(),
        "RealmKnowledgeAugEncoder": hf_encoder("realm.") | hf_head(),
        "RealmReader": hf_reader(),
        "RealmForOpenQA": {"block_emb": (7, PROJECTION)}
        | hf_embedder("embedder.")
        | hf_reader("reader."),
    }
    tensors = draw(shapes[name], seed)
    if name == "RealmKnowledgeAugEncoder":
        tensors["cls.predictions.decoder.weight"] = tensors[
            "realm.embeddings.word_embeddings.weight"
        ]
        tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    return tensors


def write_hf(path: pathlib.Path, tensors: Tensors, config: dict[str, Any]) -> str:
    """Writes what `save_pretrained` writes."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    safetensors.write(str(path / "model.safetensors"), tensors)
    return str(path)


def write_hub_cache(cache: pathlib.Path, name: str, commit: str, tensors: Tensors) -> pathlib.Path:
    """Writes a BERT into a cache directory of the hub: blobs, and a snapshot that links to them."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    write_hf(repository / "plain", tensors, CONFIG)
    for folder in (repository / "blobs", repository / "refs", snapshot):
        folder.mkdir(parents=True)
    for file in sorted((repository / "plain").iterdir()):
        blob = repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        file.rename(blob)
        (snapshot / file.name).symlink_to(blob)
    (repository / "plain").rmdir()
    (repository / "refs" / "main").write_text(commit)
    return snapshot


def _hf_dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _hf_norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


# TensorFlow 1: name-based checkpoints.


def tf1_encoder(prefix: str = "bert/") -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}embeddings/word_embeddings": (VOCAB, HIDDEN),
        f"{prefix}embeddings/position_embeddings": (POSITIONS, HIDDEN),
        f"{prefix}embeddings/token_type_embeddings": (SEGMENTS, HIDDEN),
        **_tf1_norm(f"{prefix}embeddings/LayerNorm", HIDDEN),
    }
    for i in range(LAYERS):
        layer = f"{prefix}encoder/layer_{i}/"
        for name in ("query", "key", "value"):
            shapes |= tf1_dense(f"{layer}attention/self/{name}", HIDDEN, HIDDEN)
        shapes |= tf1_dense(f"{layer}attention/output/dense", HIDDEN, HIDDEN)
        shapes |= _tf1_norm(f"{layer}attention/output/LayerNorm", HIDDEN)
        shapes |= tf1_dense(f"{layer}intermediate/dense", HIDDEN, INNER)
        shapes |= tf1_dense(f"{layer}output/dense", INNER, HIDDEN)
        shapes |= _tf1_norm(f"{layer}output/LayerNorm", HIDDEN)
    return shapes | tf1_dense(f"{prefix}pooler/dense", HIDDEN, HIDDEN)


def tf1_head(prefix: str = "cls/") -> dict[str, tuple[int, ...]]:
    return {
        **tf1_dense(f"{prefix}predictions/transform/dense", HIDDEN, HIDDEN),
        **_tf1_norm(f"{prefix}predictions/transform/LayerNorm", HIDDEN),
        f"{prefix}predictions/output_bias": (VOCAB,),
    }


def tf1_bert() -> dict[str, tuple[int, ...]]:
    """Google's checkpoint: with both heads, and what the optimiser left."""
    return {
        **tf1_encoder(),
        **tf1_head(),
        "cls/seq_relationship/output_weights": (2, HIDDEN),
        "cls/seq_relationship/output_bias": (2,),
        "bert/pooler/dense/kernel/adam_m": (HIDDEN, HIDDEN),
        "global_step": (),
    }


def tf1_embedder(depth: int = 2, norm: str = "LayerNorm") -> dict[str, tuple[int, ...]]:
    """The embedder's module: BERT one module deeper than projection and LayerNorm."""
    own = "module/" * depth
    return {
        **tf1_encoder(f"{own}module/bert/"),
        **tf1_head(f"{own}module/cls/"),
        **tf1_dense(f"{own}dense", HIDDEN, PROJECTION),
        **_tf1_norm(f"{own}{norm}", PROJECTION),
    }


def tf1_open_qa() -> dict[str, tuple[int, ...]]:
    """ORQA's checkpoint."""
    return {
        **tf1_embedder(3),
        **tf1_encoder("reader/module/bert/"),
        **tf1_head("reader/module/cls/"),
        **tf1_dense("reader/dense", HIDDEN, 2 * SPAN),
        **_tf1_norm("reader/layer_normalization", SPAN),
        **tf1_dense("reader/dense_1", SPAN, 1),
        "global_step": (),
    }


def write_tf1(prefix: pathlib.Path, tensors: Tensors) -> None:
    """Writes a checkpoint as TensorFlow 1's Saver does."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        made = [tf.compat.v1.get_variable(n, initializer=a) for n, a in tensors.items()]
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver(made).save(session, str(prefix), write_meta_graph=False)


def write_config(folder: pathlib.Path) -> None:
    """Writes Google's bert_config.json."""
    (folder / "bert_config.json").write_text(json.dumps(CONFIG), encoding="utf-8")


def tf1_dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def _tf1_norm(name: str, size: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}/gamma": (size,), f"{name}/beta": (size,)}
