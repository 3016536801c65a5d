# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Imports Google's TensorFlow 1 BERT: bert_model.ckpt, bert_config.json and vocab.txt.

Source of the names: `tf1_names`. That code computes GELU in its tanh form (modeling.py, `gelu`) and
LayerNorm with epsilon 1e-12 (tf.contrib.layers.layer_norm), and so does what is imported.
"""

from __future__ import annotations

from realm_tf.models import variable_names
from realm_tf.models.import_weights import imported, mapping, tf1_names, tf_files

_HEAD = "cls/predictions/transform/dense/kernel"


def load(path: str) -> imported.Imported:
    """Imports a BERT of Google from its TensorFlow 1 checkpoint.

    Args:
      path: Directory or prefix of the checkpoint.

    Returns:
      One network, "bert_weights".

    Raises:
      UserError: If it is no such checkpoint, or a variable is missing, not known or of another
        shape.
    """
    checkpoint = tf_files.read(path)
    shapes, num_layers = tf1_names.sizes(checkpoint, "bert/")
    config, notes = tf_files.encoder_config(checkpoint, shapes, num_layers, None)
    size, has_head = shapes["word_embeddings"][0], _HEAD in checkpoint.tensors
    model = imported.bert_network(config, size, masked_lm=has_head)
    rules = tf1_names.NAMES.encoder(num_layers, "bert/")
    if has_head:
        rules += tf1_names.masked_lm()
        variables = variable_names.of_knowledge_encoder(model)
    else:
        variables = variable_names.of_encoder(model.encoder)
        notes = (*notes, imported.NO_HEAD)
    unused = [
        *tf1_names.optimizer_variables(),
        mapping.Unused(r"cls/seq_relationship/output_(weights|bias)", "next-sentence head"),
    ]
    report = mapping.fill(variables, checkpoint.tensors, rules, unused=unused, where=path)
    return imported.of_bert(model, checkpoint, size, report, notes, config)
