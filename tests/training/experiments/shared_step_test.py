# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the device gets, of every experiment: the loss and gradients of the plain, padded batch."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.data.examples import ict_batches
from realm_tf.data.questions import question_batches
from realm_tf.models import embedder, losses, open_qa_model, reader, realm
from realm_tf.training.engine import task
from realm_tf.training.experiments import ict, open_qa, pretrain, warmup
from tests.models import tiny


def _step(made, model, batch):
    """Loss, metrics and gradients."""
    batch = tf.nest.map_structure(tf.constant, batch)
    with tf.GradientTape() as tape:
        loss, sums = made.loss_and_sums(batch, model, training=False, across=losses.LOCAL)
    gradients = tape.gradient(
        loss, model.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    means = {name: float(total / count) for name, (total, count) in sums.items()}
    return float(loss), means, [tf.convert_to_tensor(g).numpy() for g in gradients]


def _assert_same_step(made, model, batch):
    tiny.randomise(model.build_weights(), stddev=0.1)
    loss, means, gradients = _step(made, model, batch)
    part_loss, part_means, part_gradients = _step(made, model, made.device_part(batch))
    assert loss > 0.1
    np.testing.assert_allclose(part_loss, loss, rtol=1e-6)
    for name in means:
        np.testing.assert_allclose(part_means[name], means[name], rtol=1e-5, atol=1e-6)
    # Float32 rounds sums in another order otherwise; of terms that cancel, little is left but that.
    largest = max(np.abs(g).max() for g in gradients)
    for one, other in zip(part_gradients, gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=5e-6 * largest)


def _padded_inputs(inputs, by=9):
    """Short texts in long arrays; what stands behind them must not matter."""
    return tiny.padded(inputs, by, word_id=0)


def _masked_batch(**kwargs):
    batch = tiny.masked_batch(batch_size=5, candidates=4, **kwargs)
    wide = {name: _padded_inputs(getattr(batch, name)) for name in ("blocks", "joint")}
    return batch._replace(**wide)


@pytest.mark.parametrize("static_shapes", [True, False])
@pytest.mark.parametrize("objective", ["token", "span"])
def test_joint_training(static_shapes, objective):
    made = pretrain.PretrainTask(
        task.task_config(), objective=objective, static_shapes=static_shapes
    )
    model = realm.RealmModel(tiny.model_config(), tiny.VOCAB_SIZE)
    _assert_same_step(made, model, _masked_batch())


def test_joint_training_with_two_towers():
    config = dataclasses.replace(
        tiny.model_config(), embedder=tiny.embedder_config(two_towers=True, pooling="mean")
    )
    made = pretrain.PretrainTask(task.task_config(), objective="token", static_shapes=False)
    _assert_same_step(made, realm.RealmModel(config, tiny.VOCAB_SIZE), _masked_batch(seed=7))


def test_every_query_found_the_same_block():
    batch = _masked_batch(seed=3)
    blocks = types.EncoderInputs(*(array.copy() for array in batch.blocks))
    for array in blocks:
        array[:, 1:] = array[0, 1]
    rows = np.where(np.arange(4) > 0, 11, -1) * np.ones((5, 1), np.int64)
    batch = batch._replace(blocks=blocks, candidate_rows=rows)
    made = pretrain.PretrainTask(task.task_config(), objective="token", static_shapes=False)
    assert made.device_part(batch).blocks[1].word_ids.shape == (1, 8)
    _assert_same_step(made, realm.RealmModel(tiny.model_config(), tiny.VOCAB_SIZE), batch)


def test_warmup():
    made = warmup.WarmupTask(task.task_config(), static_shapes=False)
    batch = _masked_batch()
    batch = batch._replace(joint=types.EncoderInputs(*(array[:, 1:2] for array in batch.joint)))
    model = reader.KnowledgeAugmentedEncoder(tiny.reader_config(), tiny.VOCAB_SIZE)
    _assert_same_step(made, model, batch)


def test_inverse_cloze():
    made = ict.IctTask(task.task_config(), static_shapes=False)
    batch = ict_batches.IctBatch(
        _padded_inputs(tiny.inputs(5, 6)), _padded_inputs(tiny.inputs(5, 11, seed=1), by=3)
    )
    lengths = [inputs.mask.shape[-1] for inputs in made.device_part(batch)]
    assert lengths == [8, 14]
    _assert_same_step(made, embedder.Embedder(tiny.embedder_config(), tiny.VOCAB_SIZE), batch)


def _questions():
    rng = np.random.default_rng(0)
    joint = _padded_inputs(tiny.inputs(3, 2, 12, seed=1))
    body = joint.type_ids * joint.mask
    body[..., 11] = 0  # [SEP]
    starts = np.full((3, 2, 2), 7, np.int32)
    return question_batches.ReadBatch(
        question=_padded_inputs(tiny.inputs(3, 6)),
        block_emb=rng.normal(size=(3, 5, tiny.DIM)).astype(np.float32),
        retrieved_mask=np.ones((3, 5), np.int32),
        retrieved_has_answer=(rng.random((3, 5)) < 0.5).astype(np.int32),
        joint=joint,
        body_mask=body,
        answer_starts=starts,
        answer_ends=starts + 1,
        answer_mask=np.array([[[1, 0]] * 2] * 2 + [[[0, 0]] * 2], np.int32),
    )


def _refuse(*args):
    raise AssertionError("no search in the device step")


def test_open_qa():
    made = open_qa.OpenQaTask(
        task.task_config(),
        open_qa_config=None,
        max_span_width=3,
        search=_refuse,
        gather=_refuse,
        read_inputs=_refuse,
        static_shapes=False,
    )
    batch = _questions()
    part = made.device_part(batch)
    assert part.joint.mask.shape == part.body_mask.shape == (3, 2, 16)
    model = open_qa_model.OpenQaModel(tiny.model_config(), tiny.VOCAB_SIZE)
    _assert_same_step(made, model, batch)
    static = open_qa.OpenQaTask(
        task.task_config(),
        open_qa_config=None,
        max_span_width=3,
        search=_refuse,
        gather=_refuse,
        read_inputs=_refuse,
        jit_compile=True,
    )
    assert static.device_part(batch) is batch
