# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports the BERT models of Hugging Face `transformers` (PyTorch): BertModel and its heads.

Names may stand below `bert.` or not; the pooler and the MLM head may be missing (a masked LM is
saved without a pooler, sentence encoders without a head). Source of the names: `hf_names`.
"""

from __future__ import annotations

import os

from realm_tf.models import variable_names
from realm_tf.models.import_weights import hf_files, hf_names, imported, mapping

_UNUSED = [
    hf_names.BUFFERS,
    mapping.Unused(r"cls\.seq_relationship\.(weight|bias)", "next-sentence head"),
]
_HEAD = "cls.predictions.transform.dense.weight"
_POOLER = "pooler.dense.weight"


def load(path: str) -> imported.Imported:
    """Imports a BERT of Hugging Face from a directory with config.json and weights.

    Args:
      path: Directory of a model as `save_pretrained` writes it.

    Returns:
      One network, "bert_weights".

    Raises:
      UserError: If it is no such model, or a tensor is missing, not known or of another shape.
    """
    checkpoint = hf_files.read(path)
    where = os.path.join(path, "config.json")
    config = hf_files.encoder_config(checkpoint.config, where)
    size = hf_files.vocab_size(checkpoint.config, where)
    prefix = "bert." if any(name.startswith("bert.") for name in checkpoint.tensors) else ""
    has_head = _HEAD in checkpoint.tensors
    has_pooler = f"{prefix}{_POOLER}" in checkpoint.tensors
    model = imported.bert(config, size, masked_lm=has_head)
    rules = hf_names.NAMES.encoder(config.num_layers, prefix, pooler=has_pooler)
    unused = list(_UNUSED)
    if has_head:
        variables = variable_names.of_knowledge_encoder(model)
        rules += hf_names.masked_lm()
        unused += hf_names.tied_decoder(f"{prefix}embeddings.word_embeddings.weight")
    else:
        variables = variable_names.of_encoder(model.encoder)
    if not has_pooler:
        variables = {n: v for n, v in variables.items() if not n.startswith("encoder/pooler/")}
    report = mapping.fill(variables, checkpoint.tensors, rules, unused=unused, where=path)
    return imported.of_bert(model, checkpoint, size, report, _notes(has_head, has_pooler), config)


def _notes(has_head: bool, has_pooler: bool) -> tuple[str, ...]:
    heads = () if has_head else (imported.NO_HEAD,)
    return heads if has_pooler else (*heads, imported.NO_POOLER)
