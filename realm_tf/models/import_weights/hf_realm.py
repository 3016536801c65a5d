# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports the PyTorch port of REALM, five models of `transformers` that differ in their names.

Source of the names: realm/modeling_realm.py of transformers 4.40, the last release that has it.

| model | becomes |
|---|---|
| RealmEmbedder | "embedder_weights" |
| RealmScorer | "embedder_weights"; two towers if its two embedders differ |
| RealmKnowledgeAugEncoder | "reader_weights" |
| RealmReader | "span_reader_weights" |
| RealmForOpenQA | "open_qa_weights"; `block_emb` is kept aside |

Embedders hold an MLM head that nothing uses, span readers too; the port has one LayerNorm epsilon
for an embedder's encoder and projection.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import embedder, open_qa_model, reader, variable_names
from realm_tf.models.import_weights import hf_files, hf_names, imported, mapping

BLOCK_EMB = "block_emb"
_HEAD_UNUSED = mapping.Unused(
    r"(embedder\.|query_embedder\.|reader\.)?cls\.predictions\..*",
    "MLM head that this network does not use",
)
_POOLER_MISSING = (
    "the source has no pooler; a reader does not use it, and keeps random initial weights in it"
)


class Architecture(NamedTuple):
    """A model of the PyTorch port of REALM, and how its weights map to our network.

    Attributes:
      kind: Kind of the segment that its weights become.
      make: Function from (config, vocab_size) to our network with all its weights.
      variables: Function from our network to its variables by our names.
      rules: Function from the configuration to the rules that map its weights.
    """

    kind: str
    make: Callable[[config_lib.ModelConfig, int], tf_keras.Model]
    variables: Callable[[tf_keras.Model], dict[str, tf.Variable]]
    rules: Callable[[config_lib.ModelConfig], list[mapping.Rule]]


def _embedder_rules(config: config_lib.ModelConfig, source: str, target: str) -> list[mapping.Rule]:
    """Rules that map the embedder of the PyTorch port of REALM, under `source`, to `target`."""
    return [
        *hf_names.NAMES.encoder(config.embedder.encoder.num_layers, f"{source}realm.", target),
        *hf_names.NAMES.dense(f"{source}cls.dense", f"{target}projection"),
        *hf_names.NAMES.norm(f"{source}cls.LayerNorm", f"{target}projection_norm"),
    ]


def _reader_rules(config: config_lib.ModelConfig, source: str, target: str) -> list[mapping.Rule]:
    """Rules for a RealmReader under the prefix `source`, as our span reader under `target`."""
    return [
        *hf_names.NAMES.encoder(config.reader.encoder.num_layers, f"{source}realm.", target),
        *hf_names.NAMES.dense(f"{source}qa_outputs.dense_intermediate", f"{target}span/projection"),
        *hf_names.NAMES.norm(f"{source}qa_outputs.layer_normalization", f"{target}span/norm"),
        *hf_names.NAMES.dense(f"{source}qa_outputs.dense_output", f"{target}span/logit"),
    ]


def _scorer_rules(config: config_lib.ModelConfig) -> list[mapping.Rule]:
    rules = _embedder_rules(config, "embedder.", "block/")
    if config.embedder.two_towers:
        rules += _embedder_rules(config, "query_embedder.", "query/")
    return rules


ARCHITECTURES = {
    "RealmEmbedder": Architecture(
        imported.EMBEDDER,
        lambda config, size: embedder.Embedder(config.embedder, size).build_weights(),
        variable_names.of_embedder,
        lambda config: _embedder_rules(config, "", "block/"),
    ),
    "RealmScorer": Architecture(
        imported.EMBEDDER,
        lambda config, size: embedder.Embedder(config.embedder, size).build_weights(),
        variable_names.of_embedder,
        _scorer_rules,
    ),
    "RealmKnowledgeAugEncoder": Architecture(
        imported.READER,
        lambda config, size: reader.KnowledgeAugmentedEncoder(config.reader, size).build_weights(),
        variable_names.of_knowledge_encoder,
        lambda config: [
            *hf_names.NAMES.encoder(config.reader.encoder.num_layers, "realm."),
            *hf_names.masked_lm(),
        ],
    ),
    "RealmReader": Architecture(
        imported.SPAN_READER,
        lambda config, size: reader.SpanReader(config.reader, size).build_weights(),
        variable_names.of_span_reader,
        lambda config: _reader_rules(config, "", ""),
    ),
    "RealmForOpenQA": Architecture(
        imported.OPEN_QA,
        lambda config, size: open_qa_model.OpenQaModel(config, size).build_weights(),
        variable_names.of_open_qa,
        lambda config: [
            *_embedder_rules(config, "embedder.", "query/"),
            *_reader_rules(config, "reader.", "reader/"),
        ],
    ),
}


def load(path: str) -> imported.Imported:
    """Imports a model of the PyTorch port of REALM from a directory with config.json and weights.

    Args:
      path: Directory of a model as `save_pretrained` writes it.

    Returns:
      One network, and `block_emb` if the source has it.

    Raises:
      UserError: If it is none of the five models, or a tensor is missing, not known or of another
        shape.
    """
    checkpoint = hf_files.read(path)
    where = os.path.join(path, "config.json")
    tensors = dict(checkpoint.tensors)
    block_emb = tensors.pop(BLOCK_EMB, None)
    name = _architecture(tensors, path)
    architecture = ARCHITECTURES[name]
    two_towers = name == "RealmScorer" and not _same_towers(tensors)
    config = model_config(checkpoint.config, where, two_towers=two_towers)
    size = hf_files.vocab_size(checkpoint.config, where)
    model = architecture.make(config, size)
    rules, variables = architecture.rules(config), architecture.variables(model)
    rules, notes = _without_missing_pooler(rules, tensors)
    variables = {rule.target: variables[rule.target] for rule in rules}
    unused = _unused(name, two_towers=two_towers)
    report = mapping.fill(variables, tensors, rules, unused=unused, where=path)
    notes = (f"read as a {name}", *notes)
    return imported.of_network(
        architecture.kind, model, checkpoint, size, report, notes, config, block_emb
    )


def model_config(
    config: Mapping[str, object], where: str, *, two_towers: bool
) -> config_lib.ModelConfig:
    """Our configuration of both networks as the port's RealmConfig describes them."""
    values = dict(config)
    encoder = hf_files.encoder_config(values, where)
    heads = {
        "retriever_proj_size": ("embedder", "projection_size"),
        "max_span_width": ("reader", "max_span_width"),
        "span_hidden_size": ("reader", "span_size"),
        "reader_layer_norm_eps": ("reader", "span_epsilon"),
    }
    parts: dict[str, dict[str, object]] = {
        "embedder": {
            "encoder": config_lib.to_dict(encoder),
            "projection_epsilon": encoder.layer_norm_epsilon,
            "two_towers": two_towers,
        },
        "reader": {"encoder": config_lib.to_dict(encoder)},
    }
    for key, (part, name) in heads.items():
        if key in values:
            parts[part][name] = values[key]
    return config_lib.from_dict(config_lib.ModelConfig, parts)


def _architecture(tensors: Mapping[str, np.ndarray], where: str) -> str:
    marks = {
        "RealmForOpenQA": "reader.qa_outputs.",
        "RealmScorer": "query_embedder.",
        "RealmReader": "qa_outputs.",
        "RealmEmbedder": "cls.dense.",
        "RealmKnowledgeAugEncoder": "realm.",
    }
    for name, mark in marks.items():
        if any(tensor.startswith(mark) for tensor in tensors):
            return name
    raise types.UserError(
        f"{where} is none of {', '.join(ARCHITECTURES)}: its tensors have other names. A BERT is"
        " imported with --from hf-bert."
    )


def _same_towers(tensors: Mapping[str, np.ndarray]) -> bool:
    """Whether a RealmScorer shares its embedder, which its state dict then lists twice."""
    blocks = {n: a for n, a in tensors.items() if n.startswith("embedder.")}
    return all(
        f"query_{name}" not in tensors or np.array_equal(array, tensors[f"query_{name}"])
        for name, array in blocks.items()
    )


def _unused(name: str, *, two_towers: bool) -> list[mapping.Unused]:
    unused = [hf_names.BUFFERS]
    if name == "RealmScorer" and not two_towers:
        unused.append(mapping.Unused(r"query_embedder\..*", "the block embedder, listed again"))
    if name == "RealmKnowledgeAugEncoder":
        return unused + hf_names.tied_decoder("realm.embeddings.word_embeddings.weight")
    return [*unused, _HEAD_UNUSED]


def _without_missing_pooler(
    rules: list[mapping.Rule], tensors: Mapping[str, np.ndarray]
) -> tuple[list[mapping.Rule], tuple[str, ...]]:
    """Rules without a reader's pooler where the source has none; an embedder's is needed."""
    towers = {r.target.removesuffix("projection/kernel") for r in rules if _is_projection(r)}
    missing = {
        rule
        for rule in rules
        if rule.source not in tensors
        and "encoder/pooler/" in rule.target
        and rule.target.partition("encoder/")[0] not in towers
    }
    return [r for r in rules if r not in missing], (_POOLER_MISSING,) if missing else ()


def _is_projection(rule: mapping.Rule) -> bool:
    return rule.target.endswith("projection/kernel") and "span/" not in rule.target
