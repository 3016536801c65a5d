# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Examples show what the batch holds, and what the model says of it."""

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.models import losses, realm
from realm_tf.training.run import masked_examples, masked_tables
from tests.training import runs


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    context = runs.make_context(tmp_path_factory.mktemp("tables"))
    made = masked_examples.make_batches(context, held_out=True, batch_size=9, stage="test")

    def retrieve(queries, k):
        rows = np.tile(np.arange(k, dtype=np.int64), (len(queries.word_ids), 1))
        rows[0, 1:] = -1  # too few are found
        return types.RetrievedBlocks(rows, np.zeros(rows.shape, np.float32))

    batch = made.make_batch(0, retrieve)
    model = realm.RealmModel(context.config.model, context.tokenizer.vocab_size).build_weights()
    return context, batch, model, masked_tables.examples(context, model, batch, context.knowledge)


def test_examples_hold_query_target_and_titles(found):
    context, batch, _, examples = found
    vocab = context.tokenizer.vocab
    assert len(examples) == 8
    for i, example in enumerate(examples):
        masks = int(batch.mask_weights[i].sum())
        assert example.query.count("[MASK]") == masks
        targets = [vocab[t] for t in batch.mask_targets[i, :masks]]
        assert example.expected == " ".join(targets).replace(" ##", "")
        rows = [r for r in batch.candidate_rows[i].tolist() if r >= 0]
        titles = sorted([context.knowledge.title(row) for row in rows] + ["null block"])
        assert sorted(title for title, _ in example.retrieved) == titles
        scores = [score for _, score in example.retrieved]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert len(examples[0].retrieved) < 3


def test_predictions_are_those_of_the_model(found):
    context, batch, model, examples = found
    inputs = realm.RealmInputs(batch.query, batch.blocks, batch.joint, batch.mask_positions)
    outputs = model(tf.nest.map_structure(tf.constant, inputs), training=False)
    best = tf.argmax(outputs.token_logits, axis=-1).numpy()
    p_z = tf.exp(losses.log_retrieval(outputs.relevance, tf.constant(batch.candidate_mask)))
    for i, example in enumerate(examples):
        masks = int(batch.mask_weights[i].sum())
        pieces = [context.tokenizer.vocab[t] for t in best[i, 0, :masks]]
        alone = " ".join(piece for piece in pieces if piece not in ("[PAD]", "[CLS]", "[SEP]"))
        assert example.predicted["without"] == alone.replace(" ##", "")
        null = dict(example.retrieved)["null block"]
        assert null == pytest.approx(float(p_z[i, 0]))
