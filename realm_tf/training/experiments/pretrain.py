# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/pretrain`: joint pre-training (Guu et al., 2020, section 3).

Retrieval utility is the paper's RU (section 3.3): how much a block helps to predict what is masked,
log p(y given z, x) - log p(y given null, x).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from official.core import config_definitions

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data.examples import device_batches, masked_batches
from realm_tf.models import losses, realm, weights
from realm_tf.retrieval import reading
from realm_tf.training.engine import actions, loop, optimizers, strategies, task
from realm_tf.training.engine import trainer as trainer_lib
from realm_tf.training.run import (
    alarm_watch,
    best_utility,
    carried_documents,
    current_queries,
    masked_examples,
    refresh_modes,
    replayed_refreshing,
    training_history,
)
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh as refresh_lib
from realm_tf.training.run import system as system_lib

_SHOWN = (
    *("accuracy", "null_accuracy", "retrieval_utility", "null_probability"),
    *("staleness_steps", "staleness_minutes"),
)


class PretrainTask(task.RealmTask):
    """Trains a `RealmModel`, retriever and reader together (Guu et al., 2020, section 3)."""

    metric_names = (
        "accuracy",
        "null_accuracy",
        "marginal_utility",
        "retrieval_utility",
        "null_probability",
        "retrieval_entropy",
        "query_spread",
        "staleness_steps",
    )

    def __init__(self, params: config_definitions.TaskConfig, *, objective: str, **kwargs: Any):
        super().__init__(params, **kwargs)
        self._objective = objective

    def device_part(self, batch: masked_batches.MaskedBatch) -> device_batches.SharedBatch:
        """The batch with nothing in it twice, cut behind its longest texts."""
        return device_batches.share(batch, static_shapes=self.static_shapes)

    def count(self, batch: masked_batches.MaskedBatch) -> float:
        """Masked wordpieces."""
        return float(batch.mask_weights.sum())

    def loss_and_sums(
        self,
        batch: masked_batches.MaskedBatch | device_batches.SharedBatch,
        model: Any,
        *,
        training: bool,
        across: losses.Collectives,
    ) -> tuple[tf.Tensor, task.Sums]:
        """Marginal likelihood of what was masked; the null block is candidate 0."""
        outputs = model(_inputs(batch), training=training)
        log_p_z = losses.log_retrieval(outputs.relevance, batch.candidate_mask)
        log_p_y = losses.log_token(outputs.token_logits, batch.mask_targets)
        loss = losses.masked_lm_loss(
            log_p_z,
            log_p_y,
            batch.mask_weights,
            objective=self._objective,
            global_sum=across.global_count,
        )
        return loss, self._sums(batch, outputs, log_p_z, log_p_y, across)

    def _sums(
        self,
        batch: masked_batches.MaskedBatch | device_batches.SharedBatch,
        outputs: realm.RealmOutputs,
        log_p_z: tf.Tensor,
        log_p_y: tf.Tensor,
        across: losses.Collectives,
    ) -> task.Sums:
        weights, targets = batch.mask_weights, batch.mask_targets
        p_z = tf.exp(log_p_z)
        marginal = losses.log_marginal_tokens(log_p_z, log_p_y)
        # p(y given x) over the vocabulary: what the model answers.
        p_y = tf.einsum("bk,bkmv->bmv", p_z, tf.nn.softmax(outputs.token_logits))
        utility = tf.reduce_sum(  # of the documents, each by its probability among them
            losses.without_null(p_z)[:, :, tf.newaxis] * (log_p_y[:, 1:] - log_p_y[:, :1]), axis=1
        )
        entropy = -tf.reduce_sum(p_z * tf.maximum(log_p_z, -1e3), axis=-1)
        staleness = tf.cast(batch.step - batch.snapshot_step, tf.float32)
        return {
            "accuracy": task.mean_over_masks(task.hits(p_y, targets), weights),
            "null_accuracy": task.mean_over_masks(
                task.hits(outputs.token_logits[:, 0], targets), weights
            ),
            "marginal_utility": task.mean_over_masks(marginal - log_p_y[:, 0], weights),
            "retrieval_utility": task.mean_over_masks(utility, weights),
            "null_probability": task.mean(p_z[:, 0]),
            "retrieval_entropy": task.mean(entropy),
            "query_spread": task.mean(task.spread(outputs.query_emb, across)),
            "staleness_steps": task.mean(staleness),
        }


def _inputs(
    batch: masked_batches.MaskedBatch | device_batches.SharedBatch,
) -> realm.RealmInputs | realm.SharedInputs:
    kind = (
        realm.SharedInputs if isinstance(batch, device_batches.SharedBatch) else realm.RealmInputs
    )
    return kind(*(getattr(batch, name) for name in kind._fields))


def train(
    context: context_lib.Context,
    *,
    embedder_weights: artifacts.Segment,
    reader_weights: artifacts.Segment,
    make_vectors: refresh_lib.MakeVectors,
    refresher: Sequence[str] | None = None,
) -> system_lib.System:
    """Trains retriever and reader together.

    Args:
      context: Configuration and data of the run.
      embedder_weights: Weights that the retriever starts with, e.g. from `ict.train`.
      reader_weights: Weights that the reader starts with, e.g. from `warmup.train`.
      make_vectors: Embeds every block with a given embedder.
      refresher: Command that starts a local refresher; None: one runs elsewhere. Needed in the
        mode "async" alone.

    Returns:
      The trained system, with a snapshot of its last step; at once if it is there already.
    """
    run = _Pretraining(context, embedder_weights, reader_weights, make_vectors, refresher)
    if not run.is_complete():
        run.prepare()
        with strategies.scope(context.config.runtime):
            run.fit()
    return run.result()


class _Pretraining:
    """One run of joint training, from its recipe to its result."""

    def __init__(
        self,
        context: context_lib.Context,
        embedder_weights: artifacts.Segment,
        reader_weights: artifacts.Segment,
        make_vectors: refresh_lib.MakeVectors,
        refresher_command: Sequence[str] | None,
    ):
        self._context, self._worker = context, context.worker
        self._starts, self._command = (embedder_weights, reader_weights), refresher_command
        config = context.config
        self._settings = {
            "experiment": "realm/pretrain",
            "seed": config.seed,
            "pretrain": config_lib.decisive(config.pretrain),
            "model": config_lib.decisive(config.model),
            "held_out": config.evaluation.held_out_fraction,
            "runtime": config_lib.decisive(config.runtime),
            "swap_delay": config.runtime.prefetch_batches,
            **best_utility.choice(config),
            **refresh_lib.decisive(context),
            **replayed_refreshing.recipe(config.pretrain.refresh),
            **alarm_watch.recipe(config.pretrain),
        }
        self._made_from = {
            "tokenizer": context.tokenizer.fingerprint,
            "passages": context.passages.source,
            "blocks": context.blocks.fingerprint,
            "embedder_weights": embedder_weights.fingerprint,
            "reader_weights": reader_weights.fingerprint,
        }
        self._paths = {
            kind: context.recipe(kind, settings=self._settings, made_from=self._made_from)
            for kind in ("embedder_weights", "reader_weights")
        }
        self._directory = context.directory(
            context.recipe("pretrain", settings=self._settings, made_from=self._made_from)
        )
        self._refresher = refresh_lib.Refresher.of(context, self._directory, make_vectors)

    def is_complete(self) -> bool:
        return all(artifacts.is_complete(path) for path in self._paths.values())

    def result(self) -> system_lib.System:
        embedder, reader = (
            self._worker.segment(functools.partial(artifacts.open_segment, path, kind), path, kind)
            for kind, path in self._paths.items()
        )
        steps = self._context.config.pretrain.steps
        snapshot = self._refresher.of_weights(embedder, self._context, step=steps)
        if self._worker.is_chief:
            carried_documents.carry(self._refresher, steps, self._context.root)
        history = training_history.told(self._directory)
        return system_lib.System("realm", embedder, reader, snapshot, history)

    def prepare(self) -> None:
        """Makes the snapshot of the start; nothing of it may be made in a strategy's scope."""
        tf.io.gfile.makedirs(self._directory)
        self._refresher.of_weights(self._starts[0], self._context, step=0)

    def fit(self) -> None:
        config = self._context.config
        tf_keras.utils.set_random_seed(config.seed)
        self._model = system_lib.realm_model(
            config.model, self._context.tokenizer.vocab_size, *self._starts
        )
        self._task = PretrainTask(
            task.task_config(),
            objective=config.pretrain.objective,
            **task.options(config.runtime),
        )
        self._batches = masked_examples.make_batches(
            self._context, held_out=False, batch_size=config.pretrain.batch_size, stage="pretrain"
        )
        self._refreshing = refresh_modes.make(
            self._context,
            self._directory,
            self._refresher,
            self._model.embedder,
            results=tuple(self._paths.values()),
            command=self._command,
        )
        self._queries = current_queries.configured(config, self._model.embedder, self._batches)
        self._task.has_host_phase = self._queries.is_current
        try:
            with reading.hold(self._refresher.load(0)):  # its blocks are trained on
                fitted = loop.fit(self._run())
        finally:
            self._refreshing.close()
        if self._worker.is_chief:
            self._save(best_utility.counts(int(fitted.global_step.numpy()), fitted.kept))
        self._refreshing.finish()

    def _run(self) -> loop.Run:
        config = self._context.config
        every = config.pretrain.refresh.every_steps
        return loop.Run(
            name="pretrain",
            directory=self._directory,
            task=self._task,
            model=self._model,
            optimizer_config=config.pretrain.optimizer,
            optimizer=optimizers.make_split_optimizer(
                config.pretrain, self._model.embedder.trainable_variables
            ),
            steps=config.pretrain.steps,
            make_batch=self._make_batch,
            records=self._batches.records,
            seed=config.seed,
            before_batch=self._queries.following(self._refreshing.before_batch),
            state=self._queries.state,
            runtime=config.runtime,
            checkpoint_every_steps=config.pretrain.checkpoint_every_steps,
            host_every=(every,),
            shown=_SHOWN,
            make_actions=self._actions,
            **best_utility.measuring(
                self._context,
                self._model,
                self._task,
                lambda step: self._refreshing.retriever(step)[1],
                self._directory,
            ),
            watch=alarm_watch.AlarmWatch(config.pretrain, self._worker),
            on_start=self._refreshing.start,
            worker=self._worker,
            makes_part=True,
        )

    def _actions(self, fitted: trainer_lib.Trainer) -> list[Callable[..., None]]:
        every, step = self._context.config.pretrain.refresh.every_steps, fitted.global_step
        return [
            actions.every(steps=every, step=step, function=self._refreshing.refresh),
            actions.every(steps=1, step=step, function=self._refreshing.after_loop),
        ]

    def _make_batch(self, index: int) -> masked_batches.MaskedBatch:
        step, retriever = self._refreshing.retriever(index)
        retrieve = self._queries.retrieve_from(retriever, index)
        rows = self._worker.rows(self._batches.batch_size)
        return self._batches.make_batch(
            index, retrieve, snapshot_step=step, rows=rows, knowledge=retriever.table
        )

    def _save(self, counts: Mapping[str, float]) -> None:
        parts = {"embedder_weights": self._model.embedder, "reader_weights": self._model.reader}
        for kind, part in parts.items():
            weights.save(
                part,
                self._paths[kind],
                kind=kind,
                settings=self._settings,
                made_from=self._made_from,
                counts=counts,
            )
