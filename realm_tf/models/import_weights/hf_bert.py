# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports the BERT models of Hugging Face `transformers` (PyTorch): BertModel and its heads.

Names may stand below `bert.` or not; the pooler and the MLM head may be missing (a masked LM is
saved without a pooler, sentence encoders without a head). Source of the names: `hf_names`.
"""

from __future__ import annotations

import dataclasses
import os
import re

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import variable_names
from realm_tf.models.import_weights import hf_files, hf_names, imported, mapping

_UNUSED = [
    hf_names.BUFFERS,
    mapping.Unused(r"cls\.seq_relationship\.(weight|bias)", "next-sentence head"),
]
_HEAD = "cls.predictions.transform.dense.weight"
_POOLER = "pooler.dense.weight"


def load(path: str, layers: int | None = None) -> imported.Imported:
    """Imports a BERT of Hugging Face from a directory with config.json and weights.

    Args:
      path: Directory of a model as `save_pretrained` writes it.
      layers: Keeps the first layers alone, so many; None keeps all.

    Returns:
      One network, "bert_weights".

    Raises:
      UserError: If it is no such model, or a tensor is missing, not known or of another shape; or
        if it has fewer layers.
    """
    checkpoint = hf_files.read(path)
    where = os.path.join(path, "config.json")
    whole = hf_files.encoder_config(checkpoint.config, where)
    config = _first_layers(whole, layers, where)
    size = hf_files.vocab_size(checkpoint.config, where)
    prefix = "bert." if any(name.startswith("bert.") for name in checkpoint.tensors) else ""
    has_head = _HEAD in checkpoint.tensors
    has_pooler = f"{prefix}{_POOLER}" in checkpoint.tensors
    model = imported.bert_network(config, size, masked_lm=has_head)
    rules = hf_names.NAMES.encoder(config.num_layers, prefix, pooler=has_pooler)
    unused = [*_UNUSED, *_dropped_layers(prefix, config.num_layers, whole.num_layers)]
    if has_head:
        variables = variable_names.of_knowledge_encoder(model)
        rules += hf_names.masked_lm()
        unused += hf_names.tied_decoder(f"{prefix}embeddings.word_embeddings.weight")
    else:
        variables = variable_names.of_encoder(model.encoder)
    if not has_pooler:
        variables = {n: v for n, v in variables.items() if not n.startswith("encoder/pooler/")}
    report = mapping.fill(variables, checkpoint.tensors, rules, unused=unused, where=path)
    notes = _notes(has_head, has_pooler)
    if config.num_layers < whole.num_layers:
        notes += (f"the first {config.num_layers} of {whole.num_layers} layers were kept",)
    return imported.of_bert(model, checkpoint, size, report, notes, config)


def _first_layers(
    config: config_lib.EncoderConfig, layers: int | None, where: str
) -> config_lib.EncoderConfig:
    if layers is None:
        return config
    if not 1 <= layers <= config.num_layers:
        raise types.UserError(
            f"{where} has {config.num_layers} layers, and at least 1 is kept. Received: {layers}."
        )
    return dataclasses.replace(config, num_layers=layers)


def _dropped_layers(prefix: str, kept: int, count: int) -> list[mapping.Unused]:
    begin = re.escape(f"{prefix}{hf_names.NAMES.layers}")
    reason = f"only the first {kept} layers are kept"
    return [mapping.Unused(rf"{begin}{layer}\..*", reason) for layer in range(kept, count)]


def _notes(has_head: bool, has_pooler: bool) -> tuple[str, ...]:
    heads = () if has_head else (imported.NO_HEAD,)
    return heads if has_pooler else (*heads, imported.NO_POOLER)
