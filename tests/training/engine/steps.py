# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One step of every experiment, on tiny models and random batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from realm_tf import config
from realm_tf.data.examples import ict_batches, masked_batches
from realm_tf.data.questions import passage_batches, question_batches
from realm_tf.data.tagging import tag_batches
from realm_tf.models import embedder, open_qa_model, reader, realm, span_tagger
from realm_tf.training.engine import (
    batch_stream,
    device_loop,
    dropout,
    optimizers,
    remat,
    task,
    trainer,
)
from realm_tf.training.experiments import ict, open_qa, pretrain, warmup
from realm_tf.training.experiments import span_tagger as tagger_training
from tests.models import tiny

_WIDTH = tiny.reader_config().max_span_width
_TAGS = 5


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What is needed for a step: model and task, made in a strategy's scope, and a batch."""

    make_model: Callable[..., tf_keras.Model]
    make_task: Callable[..., task.RealmTask]
    batch: Any


def _tiny(network: Any, dropped: float) -> Any:
    """A configuration of a network with dropout."""
    encoder = dataclasses.replace(tiny.ENCODER, dropout=dropped, attention_dropout=dropped)
    return dataclasses.replace(network, encoder=encoder)


def _embedder_config(dropped: float) -> config.EmbedderConfig:
    return _tiny(tiny.embedder_config(dropout=dropped), dropped)


def _model_config(dropped: float) -> config.ModelConfig:
    return config.ModelConfig(
        embedder=_embedder_config(dropped), reader=_tiny(tiny.reader_config(), dropped)
    )


def _read_batch(size: int = 4) -> question_batches.ReadBatch:
    rng = np.random.default_rng(3)
    searched, read, length, answers = 5, 2, 14, 3
    starts = rng.integers(6, length - 2, (size, read, answers)).astype(np.int32)
    return question_batches.ReadBatch(
        question=tiny.inputs(size, 6),
        block_emb=rng.normal(size=(size, searched, tiny.DIM)).astype(np.float32),
        retrieved_mask=np.ones((size, searched), np.int32),
        retrieved_has_answer=rng.integers(0, 2, (size, searched)).astype(np.int32),
        joint=tiny.inputs(size, read, length, seed=2),
        body_mask=np.broadcast_to(np.arange(length) >= 6, (size, read, length)).astype(np.int32),
        answer_starts=starts,
        answer_ends=starts + 1,
        answer_mask=rng.integers(0, 2, starts.shape).astype(np.int32),
    )


def _tag_batch(size: int = 4, length: int = 7) -> tag_batches.TagBatch:
    rng = np.random.default_rng(4)
    weights = rng.integers(0, 2, (size, length)).astype(np.float32)
    targets = rng.integers(0, _TAGS, (size, length)).astype(np.int32)
    return tag_batches.TagBatch(tiny.inputs(size, length), targets, weights)


def _one_candidate(batch: masked_batches.MaskedBatch) -> masked_batches.MaskedBatch:
    names = ("blocks", "joint", "candidate_mask", "candidate_rows")
    return batch._replace(
        **{n: tf.nest.map_structure(lambda x: x[:, :1], getattr(batch, n)) for n in names}
    )


def _make_open_qa(**options: Any) -> task.RealmTask:
    settings = config.OpenQaConfig(num_searched=5, num_read=2)
    nothing = {"search": None, "gather": None, "read_inputs": None}  # of the host's phase
    return open_qa.OpenQaTask(
        task.task_config(),
        open_qa_config=settings,
        max_span_width=_WIDTH,
        **nothing,
        **options,
    )


EXPERIMENTS = {
    "ict": Experiment(
        lambda dropped: embedder.Embedder(_embedder_config(dropped), tiny.VOCAB_SIZE),
        lambda **options: ict.IctTask(task.task_config(), **options),
        ict_batches.IctBatch(tiny.inputs(4, 6), tiny.inputs(4, 8, seed=1)),
    ),
    "dual_encoder": Experiment(
        lambda dropped: embedder.Embedder(_embedder_config(dropped), tiny.VOCAB_SIZE),
        lambda **options: ict.IctTask(task.task_config(), **options),
        passage_batches.PassageBatch(tiny.inputs(4, 6), tiny.inputs(4, 3, 8, seed=1)),
    ),
    "warmup": Experiment(
        lambda dropped: reader.KnowledgeAugmentedEncoder(
            _tiny(tiny.reader_config(), dropped), tiny.VOCAB_SIZE
        ),
        lambda **options: warmup.WarmupTask(task.task_config(), **options),
        _one_candidate(tiny.masked_batch()),
    ),
    "pretrain": Experiment(
        lambda dropped: realm.RealmModel(_model_config(dropped), tiny.VOCAB_SIZE),
        lambda **options: pretrain.PretrainTask(task.task_config(), objective="token", **options),
        tiny.masked_batch(),
    ),
    "open_qa": Experiment(
        lambda dropped: open_qa_model.OpenQaModel(_model_config(dropped), tiny.VOCAB_SIZE),
        _make_open_qa,
        _read_batch(),
    ),
    "span_tagger": Experiment(
        lambda dropped: span_tagger.SpanTagger(
            _tiny(tiny.reader_config(), dropped).encoder, tiny.VOCAB_SIZE, _TAGS, dropped
        ),
        lambda **options: tagger_training.SpanTaggerTask(task.task_config(), **options),
        _tag_batch(),
    ),
}


def make_trainer(
    experiment: Experiment,
    *,
    strategy: tf.distribute.Strategy | None = None,
    parts: int = 1,
    dropped: float = 0.0,
    rematerialised: bool = False,
    adam: bool = False,
    on_device: bool = False,
    make_batch: Callable[[int], Any] | None = None,
    **options: Any,
) -> trainer.Trainer:
    """A trainer of random weights, always the same. Gradient descent shows gradients as they are.

    With Adam, weights show hardly more than their signs. `on_device` says where its loops run, and
    `make_batch` makes the batch of an index, if not every batch is that of the experiment.
    """
    cfg = config.OptimizerConfig(learning_rate=0.1, warmup_steps=0)
    strategy = strategy or tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        model = experiment.make_model(dropped).build_weights()
        tiny.randomise(model, stddev=0.1)
        dropout.make_stateless(model, seed=1, stage="test")
        if rematerialised:
            remat.rematerialise(model)
        gradient_descent = tf_keras.optimizers.SGD(0.1)
        optimization = optimizers.optimization_config(cfg, 100)
        made_task = experiment.make_task(**options)
        made_task.prepare = lambda batch, model: batch  # the batch is of the device's phase
        arguments = {
            "config": task.experiment_config(optimization, train_steps=100, device_loop=on_device),
            "task": made_task,
            "model": model,
            "optimizer": optimizers.make_optimizer(cfg, 100) if adam else gradient_descent,
            "train_stream": batch_stream.BatchStream(
                make_batch or (lambda _: experiment.batch),
                first=lambda: int(fitted.global_step.numpy()),
            ),
        }
        if on_device:
            fitted = device_loop.DeviceLoopTrainer(**arguments, before_batches=lambda *_: None)
        else:
            fitted = trainer.Trainer(**arguments, parts=parts)
        return fitted


def step(experiment: Experiment, **options: Any) -> tuple[dict[str, float], list[np.ndarray]]:
    """Metrics and weights after one step."""
    fitted = make_trainer(experiment, **options)
    with fitted.strategy.scope():
        logs = fitted.train(tf.constant(1))
    fitted.close()
    logs = {name: value for name, value in logs.items() if name != "input_wait_fraction"}
    figures = {name: float(value.numpy()) for name, value in logs.items()}
    return figures, [v.numpy() for v in fitted.model.trainable_variables]
