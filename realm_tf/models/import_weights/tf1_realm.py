# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports what REALM and ORQA released: TF-Hub modules and TensorFlow 1 checkpoints.

Sources of the names, in google-research/language: orqa/models/ict_model.py (`module_fn`: the
embedder is a BERT module, `tf.layers.dense`, a LayerNormalization), orqa/models/orqa_model.py
(`read`: everything of the reader is below `reader/`), realm/model.py (`model_fn` exports the
modules "embedder" and "bert"), orqa/predict/encode_blocks.py and orqa/utils/scann_utils.py
(`encoded.ckpt` is one variable, `block_emb`). How deep the modules are nested in the released files
is told by transformers' `load_tf_weights_in_realm`; any depth is read here.

| source | its variables | becomes |
|---|---|---|
| module "embedder" | `(module/)*bert/...`, `(module/)*dense/...`, and `LayerNorm` or \
`layer_normalization` | "embedder_weights" |
| module "bert" | `bert/...`, `cls/predictions/...` | "reader_weights" |
| ORQA's checkpoint | the embedder's, and `reader/module/bert/...`, `reader/dense`, \
`reader/layer_normalization`, `reader/dense_1` | "open_qa_weights" |
| `encoded/encoded.ckpt` | `block_emb` | `block_emb` |

The released files themselves were not at hand when this was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models.import_weights import hf_realm, imported, mapping, tf1_names, tf_files

_ENCODED = os.path.join("encoded", "encoded.ckpt")
_WORDS = "bert/embeddings/word_embeddings"
_READER = "reader/module/"
_PROJECTION = re.compile(r"((?:module/)*)dense/kernel")
_NORM = re.compile(r"((?:module/)*(LayerNorm|layer_normalization))/gamma")
# tf.contrib.layers.layer_norm's name and epsilon; tf.keras's, which later code uses.
_EPSILONS = {"LayerNorm": 1e-12, "layer_normalization": 1e-3}
_UNUSED = [
    *tf1_names.optimizer_variables(r"|AdamWeightDecayOptimizer.*"),
    mapping.Unused(r"(.*/)?cls/predictions/.*", "MLM head that this network does not use"),
    mapping.Unused(r"(.*/)?cls/seq_relationship/.*", "next-sentence head"),
]


def load(path: str) -> imported.Imported:
    """Imports a released REALM or ORQA model from a TF-Hub module or a TensorFlow 1 checkpoint.

    Args:
      path: Directory of a TF-Hub module or checkpoint, or prefix of a checkpoint. If a module has
        block vectors in `encoded/encoded.ckpt`, they are read, too.

    Returns:
      One network or none (`encoded.ckpt` alone), and `block_emb` if there is one.

    Raises:
      UserError: If it is none of the sources above, or a variable is missing, not known or of
        another shape.
    """
    checkpoint, block_emb = _split_block_emb(tf_files.read(path))
    if not checkpoint.tensors:
        nothing = mapping.Report((), (), ("block vectors alone, no network",))
        config = config_lib.ModelConfig()
        return imported.Imported({}, config, 0, nothing, checkpoint.files, block_emb=block_emb)
    kind, config, size, rules, notes = _make(checkpoint)
    architecture = hf_realm.ARCHITECTURES[kind]
    model = architecture.make(config, size)
    report = mapping.fill(
        architecture.variables(model), checkpoint.tensors, rules, unused=_UNUSED, where=path
    )
    notes = (f"read as a {kind}", *notes)
    return imported.of_network(
        architecture.kind, model, checkpoint, size, report, notes, config, block_emb
    )


# Key of hf_realm.ARCHITECTURES, configuration, size of the vocabulary, rules, and notes.
_Made = tuple[str, config_lib.ModelConfig, int, list[mapping.Rule], tuple[str, ...]]


def _make(checkpoint: tf_files.TfCheckpoint) -> _Made:
    """Tells the sources apart by their names."""
    encoders = sorted(n.removesuffix(_WORDS) for n in checkpoint.tensors if n.endswith(_WORDS))
    of_embedder = [prefix for prefix in encoders if prefix != _READER]
    if len(of_embedder) != 1:
        raise types.UserError(
            f"{checkpoint.path} must hold one encoder besides a reader's. Found {_WORDS} under:"
            f" {', '.join(repr(prefix) for prefix in encoders) or 'nothing'}."
        )
    if _READER in encoders:
        return _open_qa(checkpoint, of_embedder[0])
    if any(_PROJECTION.fullmatch(name) for name in checkpoint.tensors):
        return _embedder(checkpoint, of_embedder[0])
    return _reader(checkpoint, of_embedder[0])


def _embedder(checkpoint: tf_files.TfCheckpoint, prefix: str) -> _Made:
    encoder, size, notes = _encoder(checkpoint, prefix)
    rules, config, more = _tower(checkpoint, prefix, encoder, "block/")
    whole = config_lib.ModelConfig(embedder=config, reader=config_lib.ReaderConfig(encoder=encoder))
    return "RealmEmbedder", whole, size, rules, (*notes, *more)


def _reader(checkpoint: tf_files.TfCheckpoint, prefix: str) -> _Made:
    encoder, size, notes = _encoder(checkpoint, prefix)
    layers = encoder.num_layers
    rules = tf1_names.NAMES.encoder(layers, f"{prefix}bert/") + tf1_names.masked_lm(f"{prefix}cls/")
    config = config_lib.ModelConfig(
        embedder=config_lib.EmbedderConfig(encoder=encoder),
        reader=config_lib.ReaderConfig(encoder=encoder),
    )
    return "RealmKnowledgeAugEncoder", config, size, rules, notes


def _open_qa(checkpoint: tf_files.TfCheckpoint, prefix: str) -> _Made:
    encoder, size, notes = _encoder(checkpoint, prefix)
    reads, read_size, _ = _encoder(checkpoint, _READER)
    if size != read_size:
        raise types.UserError(
            f"{checkpoint.path}: the embedder has {size} wordpieces, the reader {read_size}; one"
            " vocabulary is needed."
        )
    rules, embeds, more = _tower(checkpoint, prefix, encoder, "query/")
    rules += [
        *tf1_names.NAMES.encoder(reads.num_layers, f"{_READER}bert/", "reader/"),
        *tf1_names.NAMES.dense("reader/dense", "reader/span/projection"),
        *tf1_names.NAMES.norm("reader/layer_normalization", "reader/span/norm"),
        *tf1_names.NAMES.dense("reader/dense_1", "reader/span/logit"),
    ]
    span_size = tf_files.shape_of(checkpoint, "reader/dense/kernel")[1] // 2
    config = config_lib.ModelConfig(
        embedder=embeds,
        reader=config_lib.ReaderConfig(encoder=reads, span_size=span_size),
    )
    return "RealmForOpenQA", config, size, rules, (*notes, *more)


def _encoder(
    checkpoint: tf_files.TfCheckpoint, prefix: str
) -> tuple[config_lib.EncoderConfig, int, tuple[str, ...]]:
    shapes, num_layers = tf1_names.sizes(checkpoint, f"{prefix}bert/")
    config, notes = tf_files.encoder_config(checkpoint, shapes, num_layers, None)
    return config, shapes["word_embeddings"][0], notes


def _tower(
    checkpoint: tf_files.TfCheckpoint, prefix: str, encoder: config_lib.EncoderConfig, target: str
) -> tuple[list[mapping.Rule], config_lib.EmbedderConfig, tuple[str, ...]]:
    dense = _only(
        [m[1] for n in checkpoint.tensors if (m := _PROJECTION.fullmatch(n))], checkpoint, "dense"
    )
    norms = [(m[1], m[2]) for n in checkpoint.tensors if (m := _NORM.fullmatch(n))]
    norm = _only([path for path, _ in norms], checkpoint, "LayerNorm or layer_normalization")
    epsilon = _EPSILONS[norms[0][1]]
    rules = [
        *tf1_names.NAMES.encoder(encoder.num_layers, f"{prefix}bert/", target),
        *tf1_names.NAMES.dense(f"{dense}dense", f"{target}projection"),
        *tf1_names.NAMES.norm(norm, f"{target}projection_norm"),
    ]
    config = config_lib.EmbedderConfig(
        encoder=encoder,
        projection_size=tf_files.shape_of(checkpoint, f"{dense}dense/kernel")[1],
        projection_epsilon=epsilon,
    )
    note = f"the projection's LayerNorm is named {norms[0][1]}: its epsilon is taken as {epsilon:g}"
    return rules, config, (note,)


def _only(found: Sequence[str], checkpoint: tf_files.TfCheckpoint, what: str) -> str:
    if len(found) != 1:
        raise types.UserError(
            f"{checkpoint.path} must hold one projection layer {what}. Found {len(found)}."
        )
    return found[0]


def _split_block_emb(
    checkpoint: tf_files.TfCheckpoint,
) -> tuple[tf_files.TfCheckpoint, np.ndarray | None]:
    tensors, files = dict(checkpoint.tensors), checkpoint.files
    block_emb = tensors.pop(hf_realm.BLOCK_EMB, None)
    encoded = os.path.join(checkpoint.path, _ENCODED)
    if block_emb is None and tf.io.gfile.exists(f"{encoded}.index"):
        block_emb = tf_files.read_tensors(encoded).get(hf_realm.BLOCK_EMB)
        files = (*files, *tf_files.checkpoint_files(encoded))
    return checkpoint._replace(tensors=tensors, files=files), block_emb
