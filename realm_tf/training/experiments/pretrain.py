# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/pretrain`: joint pre-training (Guu et al., 2020, section 3).

Retrieval utility is the paper's RU (section 3.3): how much a block helps to predict what is masked,
log p(y given z, x) - log p(y given null, x).
"""

from __future__ import annotations

import functools
import logging
import math
import os
from typing import Any

import tensorflow as tf
import tf_keras
from official.core import config_definitions

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.examples import masked_batches
from realm_tf.models import losses, realm, weights
from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.retrieval import snapshots
from realm_tf.training.engine import actions, checkpoints, loop, optimizers, strategies, task
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import masked_examples, swap_log
from realm_tf.training.run import refresh as refresh_lib
from realm_tf.training.run import system as system_lib

_LOGGER = logging.getLogger(__name__)


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

    def count(self, batch: masked_batches.MaskedBatch) -> float:
        """Masked wordpieces."""
        return float(batch.mask_weights.sum())

    def loss_and_sums(
        self,
        batch: masked_batches.MaskedBatch,
        model: Any,
        *,
        training: bool,
        across: losses.Collectives,
    ) -> tuple[tf.Tensor, task.Sums]:
        """Marginal likelihood of what was masked; the null block is candidate 0."""
        inputs = realm.RealmInputs(batch.query, batch.blocks, batch.joint, batch.mask_positions)
        outputs = model(inputs, training=training)
        log_p_z = losses.log_retrieval(outputs.relevance, batch.candidate_mask)
        log_p_y = losses.log_token(outputs.token_logits, batch.mask_targets)
        loss = losses.masked_lm_loss(
            log_p_z,
            log_p_y,
            batch.mask_weights,
            objective=self._objective,
            global_sum=across.global_count,
        )
        return loss, self._sums(batch, outputs, log_p_z, log_p_y)

    def _sums(
        self,
        batch: masked_batches.MaskedBatch,
        outputs: realm.RealmOutputs,
        log_p_z: tf.Tensor,
        log_p_y: tf.Tensor,
    ) -> task.Sums:
        weights, targets = batch.mask_weights, batch.mask_targets
        p_z = tf.exp(log_p_z)
        marginal = losses.log_marginal_tokens(log_p_z, log_p_y)
        # p(y given x) over the vocabulary: what the model answers.
        p_y = tf.einsum("bk,bkmv->bmv", p_z, tf.nn.softmax(outputs.token_logits))
        utility = tf.reduce_sum(  # of the documents, each by its probability among them
            _without_null(p_z)[:, :, tf.newaxis] * (log_p_y[:, 1:] - log_p_y[:, :1]), axis=1
        )
        spread = tf.math.reduce_std(outputs.query_emb, axis=0)
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
            "query_spread": task.mean(spread),
            "staleness_steps": task.mean(staleness),
        }


def _without_null(p_z: tf.Tensor) -> tf.Tensor:
    """p(z given x, z is not null): <float32>[batch_size, num_candidates - 1]."""
    return tf.math.divide_no_nan(p_z[:, 1:], tf.reduce_sum(p_z[:, 1:], axis=-1, keepdims=True))


def train(
    context: context_lib.Context,
    *,
    embedder_weights: artifacts.Segment,
    reader_weights: artifacts.Segment,
    make_vectors: refresh_lib.MakeVectors,
) -> system_lib.System:
    """Trains retriever and reader together.

    Args:
      context: Configuration and data of the run.
      embedder_weights: Where the retriever starts, e.g. from `ict.train`.
      reader_weights: Where the reader starts, e.g. from `warmup.train`.
      make_vectors: Embeds every block with a given embedder.

    Returns:
      The trained system, with a snapshot of its last step; at once if it is there already.
    """
    run = _Pretraining(context, embedder_weights, reader_weights, make_vectors)
    if not run.is_complete():
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
    ):
        self._context, self._worker = context, context.worker
        self._starts = (embedder_weights, reader_weights)
        config = context.config
        self._settings = {
            "experiment": "realm/pretrain",
            "seed": config.seed,
            "pretrain": config_lib.decisive(config.pretrain),
            "model": config_lib.decisive(config.model),
            "retrieval": config_lib.decisive(config.retrieval),
            "block_length": config.blocks.length,
            "held_out": config.evaluation.held_out_fraction,
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
        self._retriever_of = functools.lru_cache(maxsize=2)(self._open_retriever)

    def is_complete(self) -> bool:
        return all(artifacts.is_complete(path) for path in self._paths.values())

    def result(self) -> system_lib.System:
        embedder, reader = (
            self._worker.segment(functools.partial(artifacts.open_segment, path, kind), path, kind)
            for kind, path in self._paths.items()
        )
        steps = self._context.config.pretrain.steps
        snapshot = self._refresher.refresh_weights(
            embedder, self._context, step=steps, trained_from=self._trained_from(steps)
        )
        return system_lib.System("realm", embedder, reader, snapshot)

    def fit(self) -> None:
        config = self._context.config
        tf_keras.utils.set_random_seed(config.seed)
        tf.io.gfile.makedirs(self._directory)
        self._model = system_lib.realm_model(
            config.model, self._context.tokenizer.vocab_size, *self._starts
        )
        self._task = PretrainTask(
            task.task_config(),
            objective=config.pretrain.objective,
            jit_compile=config.runtime.jit_compile,
        )
        self._batches = masked_examples.make_batches(
            self._context, held_out=False, batch_size=config.pretrain.batch_size, stage="pretrain"
        )
        self._refresh(0)
        self._swaps = swap_log.SwapLog(
            os.path.join(self._directory, "swaps.json"), is_kept=self._worker.is_chief
        )
        for step in self._steps_in_use():
            self._refresher.restore(step)
        loop.fit(self._run())
        self._refresh(config.pretrain.steps)
        if self._worker.is_chief:
            self._save()

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
            seed=config.seed,
            runtime=config.runtime,
            checkpoint_every_steps=config.pretrain.checkpoint_every_steps,
            loop_steps=math.gcd(every, config.pretrain.checkpoint_every_steps, 100),
            shown=("accuracy", "retrieval_utility", "null_probability"),
            make_actions=lambda fitted: [
                actions.Every(steps=every, step=fitted.global_step, function=self._take_up)
            ],
            on_start=self._swaps.rewind,
            worker=self._worker,
            makes_part=True,
        )

    def _make_batch(self, index: int) -> masked_batches.MaskedBatch:
        step = self._swaps.snapshot_at(index)
        rows = self._worker.rows(self._batches.batch_size)
        return self._batches.make_batch(
            index, self._retriever_of(step), snapshot_step=step, rows=rows
        )

    def _open_retriever(self, step: int) -> retriever_lib.Retriever:
        return retriever_lib.Retriever.open(snapshots.load(self._refresher.snapshot_dir, step))

    def _refresh(self, step: int) -> None:
        start = self._trained_from(step)
        strategies.outside(
            lambda: self._refresher.refresh(self._model.embedder, step=step, trained_from=start)
        )

    def _trained_from(self, step: int) -> dict[str, str]:
        if step == 0:  # nothing trained yet: the same segments as the start's own snapshot
            return {"embedder_weights": self._starts[0].fingerprint}
        return {"run": os.path.basename(self._directory)}

    def _take_up(self, step: int) -> None:
        """Refreshes, and schedules the swap behind the batches that are in the making."""
        config = self._context.config
        if step >= config.pretrain.steps:
            return  # the last snapshot is made when training has ended
        is_made = self._worker.is_chief and self._is_refreshed(step)
        if not self._worker.chiefs(is_made, f"the snapshot of step {step}"):
            return
        self._swaps.schedule(
            batch_index=step + config.runtime.prefetch_batches, snapshot_step=step, decided_at=step
        )
        if self._worker.is_chief:
            self._refresher.collect_garbage(
                self._steps_in_use(), config.pretrain.refresh.keep_snapshots
            )

    def _is_refreshed(self, step: int) -> bool:
        try:
            with artifacts.storage_errors():
                self._refresh(step)
        except refresh_lib.MAY_FAIL as error:  # training goes on with the snapshot it has
            self._warn_stale(step, error)
            return False
        return True

    def _steps_in_use(self) -> set[int]:
        """Steps of the snapshots that the run reads, now or if it is resumed."""
        return self._swaps.steps_in_use(checkpoints.newest_step(self._directory))

    def _warn_stale(self, step: int, error: Exception) -> None:
        budget = self._context.config.pretrain.refresh
        stale = step - self._swaps.snapshot_at(step)
        message = f"refresh at step {step} failed ({error}); the index is {stale} steps old"
        over = budget.max_staleness_steps is not None and stale > budget.max_staleness_steps
        if over and budget.on_stale == "stop":
            text = f"{message}, over its budget of {budget.max_staleness_steps}."
            raise types.UserError(text) from error
        # The line of a user's mistake says all; of anything else the log gets the traceback.
        traceback = None if isinstance(error, types.UserError) else error
        _LOGGER.warning("%s; training goes on with it", message, exc_info=traceback)

    def _save(self) -> None:
        parts = {"embedder_weights": self._model.embedder, "reader_weights": self._model.reader}
        for kind, part in parts.items():
            weights.save(
                part,
                self._paths[kind],
                kind=kind,
                settings=self._settings,
                made_from=self._made_from,
                counts={"steps": self._context.config.pretrain.steps},
            )
