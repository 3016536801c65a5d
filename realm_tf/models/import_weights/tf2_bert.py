# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports Model Garden's BERT from TensorFlow 2 checkpoints of encoders or BertPretrainerV2.

Keys are attribute paths, and there are two layouts: that of `networks.BertEncoderV2`
(`_embedding_layer`, `_transformer_layers/<i>`, ...), and that of `networks.BertEncoder`, a
functional model whose layers are numbered (`layer_with_weights-<n>`), as in the released
checkpoints. Both may stand below any name (`encoder/`, `model/`, ...). Sources: tf-models-official
2.20, nlp/modeling/networks/bert_encoder.py, nlp/modeling/models/bert_pretrainer.py (MLM head below
`masked_lm/`, the pooler of a next-sentence head below `next_sentence..pooler_dense/`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import variable_names
from realm_tf.models.import_weights import imported, mapping, tf_files

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_LAYOUT = re.compile(r"((?:.*/)?)(_position_embedding_layer|layer_with_weights-1)/embeddings")
_HEAD = re.compile(r"(.*?masked_lm/)dense/kernel")
_SENTENCE_POOLER = "next_sentence..pooler_dense"
_DENSE_IN_LAYER = {
    "_attention_layer/_query_dense": "query",
    "_attention_layer/_key_dense": "key",
    "_attention_layer/_value_dense": "value",
    "_attention_layer/_output_dense": "attention_output",
    "_intermediate_dense": "intermediate",
    "_output_dense": "output",
}
_NORM_IN_LAYER = {
    "_attention_layer_norm": "attention_norm",
    "_output_layer_norm": "output_norm",
}
_UNUSED = [
    mapping.Unused(r".*/\.OPTIMIZER_SLOT/.*|(.*/)?optimizer/.*", "a variable of the optimiser"),
    mapping.Unused(r"save_counter|global_step|(.*/)?save_counter", "a counter"),
    mapping.Unused(r"next_sentence\.\..*|(.*/)?classification_heads/.*", "next-sentence head"),
]


class _Layout(NamedTuple):
    """The names of a checkpoint's parts; `words` is a variable, a number follows `layer`."""

    words: str
    positions: str
    types: str
    norm: str
    layer: str
    first_layer: int
    pooler: str


def load(path: str) -> imported.Imported:
    """Imports a BERT of Model Garden from its TensorFlow 2 checkpoint.

    Args:
      path: Directory or prefix of the checkpoint.

    Returns:
      One network, "bert_weights".

    Raises:
      UserError: If it is no such checkpoint, or a variable is missing, not known or of another
        shape.
    """
    checkpoint = tf_files.read(path)
    tensors = {_plain(name): array for name, array in checkpoint.tensors.items()}
    checkpoint = checkpoint._replace(tensors=tensors)
    layout, num_layers = _layout(tensors, path)
    config, notes = _config(checkpoint, layout, num_layers)
    vocab_size = len(tensors[layout.words])
    head = next((m[1] for name in sorted(tensors) if (m := _HEAD.fullmatch(name))), None)
    model = imported.bert_network(config, vocab_size, masked_lm=head is not None)
    rules, unused = _rules(layout, num_layers), list(_UNUSED)
    if f"{layout.pooler}/kernel" not in tensors:
        rules = [rule for rule in rules if "encoder/pooler/" not in rule.target]
        notes = (*notes, imported.NO_POOLER)
    if head is None:
        variables = variable_names.of_encoder(model.encoder)
        notes = (*notes, imported.NO_HEAD)
    else:
        variables = variable_names.of_knowledge_encoder(model)
        rules += _head_rules(head, tensors)
        unused.append(_tied(head, layout))
    variables = {rule.target: variables[rule.target] for rule in rules}
    report = mapping.fill(variables, tensors, rules, unused=unused, where=path)
    return imported.of_bert(model, checkpoint, vocab_size, report, notes, config)


def _config(
    checkpoint: tf_files.TfCheckpoint, layout: _Layout, num_layers: int
) -> tuple[config_lib.EncoderConfig, tuple[str, ...]]:
    first = f"{layout.layer}{layout.first_layer}/"
    places = {
        "word_embeddings": layout.words,
        "position_embeddings": f"{layout.positions}/embeddings",
        "type_embeddings": f"{layout.types}/embeddings",
        "intermediate": f"{first}_intermediate_dense/kernel",
    }
    shapes = {name: tf_files.shape_of(checkpoint, place) for name, place in places.items()}
    name = f"{first}_attention_layer/_query_dense/bias"
    if name not in checkpoint.tensors or checkpoint.tensors[name].ndim != 2:
        raise types.UserError(
            f"{checkpoint.path} lacks variable {name} of shape [heads, head size]."
        )
    return tf_files.encoder_config(checkpoint, shapes, num_layers, len(checkpoint.tensors[name]))


def _tied(head: str, layout: _Layout) -> mapping.Unused:
    return mapping.Unused(
        re.escape(f"{head}embedding_table"),
        "tied to the word embeddings",
        layout.words,
    )


def _plain(name: str) -> str:
    return name.removesuffix(_SUFFIX)


def _layout(tensors: Mapping[str, Any], where: str) -> tuple[_Layout, int]:
    found = next((m for name in sorted(tensors) if (m := _LAYOUT.fullmatch(name))), None)
    if found is None:
        raise types.UserError(
            f"{where} holds no BERT encoder of Model Garden: neither"
            " _position_embedding_layer/embeddings nor layer_with_weights-1/embeddings."
            " A TensorFlow 1 checkpoint is imported with --from tf1-bert."
        )
    prefix, functional = found[1], found[2] != "_position_embedding_layer"
    if not functional:
        layer = f"{prefix}_transformer_layers/"
        count = tf_files.count_layers(tensors, re.escape(layer) + r"(\d+)/")
        names = ("_embedding_layer", "_position_embedding_layer", "_type_embedding_layer")
        words, positions, segments = (f"{prefix}{name}" for name in names)
        words = _words(f"{words}/embeddings", tensors)
        norm, pooler = f"{prefix}_embedding_norm_layer", f"{prefix}_pooler_layer"
        return _Layout(words, positions, segments, norm, layer, 0, pooler), count
    layer = f"{prefix}layer_with_weights-"
    count = tf_files.count_layers(tensors, re.escape(layer) + r"(\d+)/_attention_layer/") - 4
    pooler = f"{layer}{count + 4}"
    if f"{pooler}/kernel" not in tensors:
        pooler = _SENTENCE_POOLER
    words, positions, segments, norm = (f"{layer}{n}" for n in range(4))
    words = _words(f"{words}/embeddings", tensors)
    return _Layout(words, positions, segments, norm, layer, 4, pooler), count


def _words(name: str, tensors: Mapping[str, Any]) -> str:
    """Where the word embeddings are: tied to an MLM head, they are stored once, as the head's."""
    tied = [other for other in sorted(tensors) if other.endswith("masked_lm/embedding_table")]
    return tied[0] if tied and name not in tensors else name


def _rules(layout: _Layout, num_layers: int) -> list[mapping.Rule]:
    rules = [
        _same(layout.words, "encoder/word_embeddings"),
        _same(f"{layout.positions}/embeddings", "encoder/position_embeddings"),
        _same(f"{layout.types}/embeddings", "encoder/type_embeddings"),
        *_pair(layout.norm, "encoder/embeddings_norm", ("gamma", "beta")),
    ]
    for i in range(num_layers):
        of, into = f"{layout.layer}{layout.first_layer + i}/", f"encoder/layer_{i}/"
        for s, t in _DENSE_IN_LAYER.items():
            rules += _pair(f"{of}{s}", f"{into}{t}", ("kernel", "bias"))
        for s, t in _NORM_IN_LAYER.items():
            rules += _pair(f"{of}{s}", f"{into}{t}", ("gamma", "beta"))
    return rules + _pair(layout.pooler, "encoder/pooler", ("kernel", "bias"))


def _head_rules(head: str, tensors: Mapping[str, Any]) -> list[mapping.Rule]:
    bias = f"{head}output_bias.Sbias"
    return [
        *_pair(f"{head}dense", "masked_lm/dense", ("kernel", "bias")),
        *_pair(f"{head}layer_norm", "masked_lm/norm", ("gamma", "beta")),
        _same(bias if bias in tensors else f"{head}bias", "masked_lm/bias"),
    ]


def _same(source: str, target: str) -> mapping.Rule:
    return mapping.Rule(source, target, split_heads=True)


def _pair(source: str, target: str, weights: tuple[str, str]) -> list[mapping.Rule]:
    return [_same(f"{source}/{w}", f"{target}/{w}") for w in weights]
