# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Killed and continued equals never killed, to the last bit, with dropout on."""

import pytest
import tensorflow as tf
from tensorflow.python.framework import config as tf_config

from realm_tf.data.examples import ict_batches, masked_batches
from realm_tf.data.questions import passage_batches
from realm_tf.data.questions import questions as questions_lib
from realm_tf.training.experiments import dual_encoder, ict, pretrain
from tests.training import runs

pytestmark = pytest.mark.slow

_DROPOUT = (
    *("model.embedder.dropout=0.2", "model.embedder.encoder.dropout=0.2"),
    *("model.embedder.encoder.attention_dropout=0.2", "model.reader.encoder.dropout=0.2"),
    "model.reader.encoder.attention_dropout=0.2",
)


class Killed(BaseException):
    """What no handler of errors catches."""


@pytest.fixture(autouse=True)
def deterministic():
    tf.config.experimental.enable_op_determinism()
    yield
    tf_config.disable_op_determinism()


def _train_ict(context):
    return [ict.train(context)]


def _train_joint(context):
    start = runs.random_system(context)
    system = pretrain.train(
        context,
        embedder_weights=start.embedder_weights,
        reader_weights=start.reader_weights,
        make_vectors=runs.make_vectors(context),
    )
    return [system.embedder_weights, system.reader_weights]


def _train_dual_encoder(context):
    table = context.knowledge
    questions = [
        questions_lib.Question(str(row), table.text(row)[:30], ("x",), (table.doc_id(row),))
        for row in range(len(table))
    ]
    answers, words = runs.find_answers(context, questions), runs.rank_words(context, questions, 4)
    return [dual_encoder.train(context, ict.random_embedder(context), questions, answers, words)]


_DUAL = ("dual_encoder.steps=6", "dual_encoder.batch_size=4", "dual_encoder.query_length=12")
_DUAL += ("dual_encoder.checkpoint_every_steps=3",)
_OFF, _SYNC = "pretrain.refresh.every_steps=100", "pretrain.refresh.every_steps=2"


@pytest.mark.parametrize(
    ("train", "batches", "override", "killed_at"),
    [
        (_train_ict, ict_batches.IctBatches, "seed=5", 2),
        (_train_ict, ict_batches.IctBatches, "seed=6", 4),
        (_train_dual_encoder, passage_batches.PassageBatches, "seed=5", 4),
        (_train_joint, masked_batches.MaskedBatches, _OFF, 4),
        (_train_joint, masked_batches.MaskedBatches, _SYNC, 4),
    ],
)
def test_killed_run_equals_whole_run(tmp_path, monkeypatch, train, batches, override, killed_at):
    cfg = runs.make_config(*_DROPOUT, *_DUAL, override, "runtime.prefetch_batches=1")
    whole = runs.saved_values(*train(runs.make_context(tmp_path / "whole", cfg)))
    context, original, asked = runs.make_context(tmp_path / "parts", cfg), batches.make_batch, []

    def make_batch(self, index, *args, **kwargs):
        asked.append(index)
        if asked.count(killed_at) == 1 and index == killed_at:
            raise Killed
        return original(self, index, *args, **kwargs)

    monkeypatch.setattr(batches, "make_batch", make_batch)
    with pytest.raises(Killed):
        train(context)
    resumed = runs.saved_values(*train(context))
    assert asked.count(killed_at) >= 2
    runs.require_equal(resumed, whole)
