# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Our models with given weights, run through the very tasks that train them.

Weights have the PyTorch port's names, below one prefix for each of its models: "scorer.embedder.",
"encoder." and "reader.".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import config, types
from realm_tf.data.examples import masked_batches
from realm_tf.data.questions import question_batches
from realm_tf.models import embedder, losses, open_qa_model, reader, realm
from realm_tf.training.engine import task
from realm_tf.training.experiments import open_qa, pretrain
from tests.parity import hf_names, numpy_realm

EMBEDDER, ENCODER, READER = "scorer.embedder.", "encoder.", "reader."

Weights = Mapping[str, np.ndarray]
Gradients = dict[str, np.ndarray]


def model_config(shape: numpy_realm.Shape) -> config.ModelConfig:
    """The same sizes and constants as our configuration, without dropout."""
    encoder = config.EncoderConfig(
        hidden_size=shape.hidden,
        num_layers=shape.layers,
        num_heads=shape.heads,
        intermediate_size=shape.inner,
        max_positions=shape.positions,
        type_vocab_size=shape.segments,
        activation=f"gelu_{shape.gelu}",
        dropout=0.0,
        attention_dropout=0.0,
        layer_norm_epsilon=shape.epsilon,
    )
    return config.ModelConfig(
        embedder=config.EmbedderConfig(
            encoder=encoder,
            projection_size=shape.projection,
            projection_epsilon=shape.projection_epsilon,
            dropout=0.0,
        ),
        reader=config.ReaderConfig(
            encoder=encoder,
            max_span_width=shape.span_width,
            span_size=shape.span,
            span_epsilon=shape.span_epsilon,
        ),
    )


def make_embedder(
    shape: numpy_realm.Shape, weights: Weights, prefix: str = EMBEDDER
) -> embedder.Embedder:
    """An embedder with these weights."""
    made = embedder.Embedder(model_config(shape).embedder, shape.vocab).build_weights()
    hf_names.load(hf_names.of_tower(made.block_tower, prefix), weights)
    return made


def make_realm(shape: numpy_realm.Shape, weights: Weights) -> realm.RealmModel:
    """A pre-training model with these weights."""
    made = realm.RealmModel(model_config(shape), shape.vocab).build_weights()
    hf_names.load(_realm_names(made), weights)
    return made


def make_open_qa(shape: numpy_realm.Shape, weights: Weights) -> open_qa_model.OpenQaModel:
    """A question-answering model with these weights."""
    made = open_qa_model.OpenQaModel(model_config(shape), shape.vocab).build_weights()
    hf_names.load(_open_qa_names(made), weights)
    return made


def make_knowledge_encoder(
    shape: numpy_realm.Shape, weights: Weights
) -> reader.KnowledgeAugmentedEncoder:
    """A pre-training reader with these weights."""
    made = reader.KnowledgeAugmentedEncoder(model_config(shape).reader, shape.vocab).build_weights()
    hf_names.load(hf_names.of_knowledge_encoder(made, ENCODER), weights)
    return made


def _realm_names(model: realm.RealmModel) -> hf_names.Named:
    return {
        **hf_names.of_tower(model.embedder.block_tower, EMBEDDER),
        **hf_names.of_knowledge_encoder(model.reader, ENCODER),
    }


def _open_qa_names(model: open_qa_model.OpenQaModel) -> hf_names.Named:
    return {
        **hf_names.of_tower(model.query_tower, EMBEDDER),
        **hf_names.of_span_reader(model.reader, READER),
    }


def pretrain_loss(
    model: realm.RealmModel, batch: masked_batches.MaskedBatch, *, objective: str = "token"
) -> tuple[float, Gradients]:
    """The training task's loss, and its gradients under the port's names and in its layouts."""
    trained = pretrain.PretrainTask(task.task_config(), objective=objective)
    return _run(trained, model, batch, _realm_names(model))


def open_qa_loss(
    model: open_qa_model.OpenQaModel, batch: question_batches.ReadBatch
) -> tuple[float, Gradients, task.Sums]:
    """As `pretrain_loss`, and the sums that the task's metrics are made of."""
    trained = _open_qa_task(model)
    loss, gradients = _run(trained, model, batch, _open_qa_names(model))
    _, sums = trained.loss_and_sums(_tensors(batch), model, training=False, across=losses.LOCAL)
    return loss, gradients, sums


def span_table(
    model: open_qa_model.OpenQaModel, batch: question_batches.ReadBatch
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits with the retriever's added, which spans are right, and which exist.

    All are [num_read, joint_length, max_span_width], of the first example.
    """
    batch = _tensors(batch)
    outputs = model(open_qa_inputs(batch))
    shape = outputs[1].shape[1:]
    spans = _open_qa_task(model)._spans(batch, *outputs)
    return tuple(part[0].numpy().reshape(shape) for part in spans)


def realm_inputs(batch: masked_batches.MaskedBatch) -> realm.RealmInputs:
    """What the model reads of a batch."""
    return realm.RealmInputs(batch.query, batch.blocks, batch.joint, batch.mask_positions)


def open_qa_inputs(batch: question_batches.ReadBatch) -> open_qa_model.OpenQaInputs:
    """What the model reads of a batch."""
    return open_qa_model.OpenQaInputs(batch.question, batch.joint, batch.block_emb)


def _open_qa_task(model: open_qa_model.OpenQaModel) -> open_qa.OpenQaTask:
    return open_qa.OpenQaTask(
        task.task_config(),
        open_qa_config=config.OpenQaConfig(),
        max_span_width=model.config.reader.max_span_width,
        search=_not_in_phase_two,
        gather=_not_in_phase_two,
        read_inputs=_not_in_phase_two,
    )


def _not_in_phase_two(*args: Any) -> Any:
    raise RuntimeError("The device step searches nothing.")


def _run(
    trained: task.RealmTask,
    model: tf.Module,
    batch: Any,
    named: hf_names.Named,
) -> tuple[float, Gradients]:
    with tf.GradientTape() as tape:
        loss, _ = trained.loss_and_sums(_tensors(batch), model, training=False, across=losses.LOCAL)
    found = tape.gradient(loss, list(named.values()))
    gradients = {
        name: hf_names.in_port_layout(name, gradient)
        for name, gradient in zip(named, found, strict=True)
        if gradient is not None
    }
    return float(loss), gradients


def _tensors(batch: Any) -> Any:
    return tf.nest.map_structure(tf.constant, batch)


def inputs(*arrays: np.ndarray) -> types.EncoderInputs:
    """Word ids, mask and segment ids as int32."""
    return types.EncoderInputs(*(np.asarray(x, np.int32) for x in arrays))


def masked_batch(
    query: types.EncoderInputs,
    blocks: types.EncoderInputs,
    joint: types.EncoderInputs,
    labels: np.ndarray,
    candidate_mask: np.ndarray | None = None,
) -> masked_batches.MaskedBatch:
    """A batch of pre-training from labels <int>[batch_size, any], negative where there is none."""
    places = [np.flatnonzero(row >= 0) for row in labels]
    positions = np.zeros((len(labels), max(map(len, places))), np.int32)
    targets, weights = np.zeros_like(positions), np.zeros(positions.shape, np.float32)
    for row, found in enumerate(places):
        positions[row, : len(found)] = found
        targets[row, : len(found)] = labels[row, found]
        weights[row, : len(found)] = 1
    shape = blocks.word_ids.shape[:2]
    return masked_batches.MaskedBatch(
        query=query,
        blocks=blocks,
        joint=joint,
        candidate_mask=np.ones(shape, np.int32) if candidate_mask is None else candidate_mask,
        mask_positions=positions,
        mask_targets=targets,
        mask_weights=weights,
        snapshot_step=np.zeros(len(labels), np.int64),
        candidate_rows=np.full(shape, -1),
        step=np.zeros(len(labels), np.int64),
    )
