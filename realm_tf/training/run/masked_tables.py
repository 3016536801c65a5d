# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of held-out masked sentences: what is retrieved for them, and what is predicted."""

from __future__ import annotations

import tensorflow as tf

from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masked_batches
from realm_tf.models import losses, realm
from realm_tf.training.engine import example_tables
from realm_tf.training.run import context as context_lib

_NULL = "null block"


def examples(
    context: context_lib.Context,
    model: realm.RealmModel,
    batch: masked_batches.MaskedBatch,
    table: block_table.BlockTable,
) -> list[example_tables.Example]:
    """The first examples of a batch, with what the model as it is says of them.

    Args:
      context: Data of the run.
      model: What is trained.
      batch: In the mode "retrieved".
      table: What its candidates are rows of.
    """
    few = tf.nest.map_structure(lambda array: array[: example_tables.COUNT], batch)
    inputs = realm.RealmInputs(few.query, few.blocks, few.joint, few.mask_positions)
    outputs = model(tf.nest.map_structure(tf.constant, inputs), training=False)
    p_z = tf.exp(losses.log_retrieval(outputs.relevance, tf.constant(few.candidate_mask)))
    p_y = tf.einsum("bk,bkmv->bmv", p_z, tf.nn.softmax(outputs.token_logits))
    with_blocks, alone = (
        tf.argmax(scores, axis=-1).numpy() for scores in (p_y, outputs.token_logits[:, 0])
    )
    probabilities = p_z.numpy()

    def words(ids: list[int]) -> str:
        return example_tables.words(ids, context.tokenizer)

    made = []
    for i, rows in enumerate(few.candidate_rows.tolist()):
        masked = few.mask_weights[i] > 0
        shown = [(place, row) for place, row in enumerate(rows) if few.candidate_mask[i, place]]
        found = [
            (table.title(r) if r >= 0 else _NULL, float(probabilities[i, p])) for p, r in shown
        ]
        made.append(
            example_tables.Example(
                query=words(few.query.word_ids[i].tolist()),
                expected=words(few.mask_targets[i][masked].tolist()),
                predicted={
                    "with blocks": words(with_blocks[i][masked].tolist()),
                    "without": words(alone[i][masked].tolist()),
                },
                retrieved=sorted(found, key=lambda pair: -pair[1]),
            )
        )
    return made
