# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The reader's warm-up, the first phases of the experiment `realm/pretrain`.

Ours, and not in the paper: it stands in for BERT's weights where there are none. On the null block
the reader learns plain salient-span MLM; on the example's own, unmasked block it learns to copy. A
retriever can only be taught by a reader that reads, so joint training waits until the copy accuracy
on held-out documents passes a gate.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data import sampling
from realm_tf.data.examples import device_batches, masked_batches, substitution
from realm_tf.models import losses, reader, weights
from realm_tf.training.engine import actions, evaluator, loop, strategies, task
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import initial_weights, masked_examples

KIND = "reader_weights"
_CHECK_EXAMPLES = 512
_LOGGER = logging.getLogger(__name__)


class WarmupTask(task.RealmTask):
    """Trains a `KnowledgeAugmentedEncoder` alone, on one given block per example.

    Ours, and not in the paper: it stands in for BERT's weights. On the null block this is plain
    salient-span MLM; on the example's own unmasked block the reader learns to copy.
    """

    metric_names = ("accuracy",)

    def device_part(self, batch: masked_batches.MaskedBatch) -> device_batches.ReaderBatch:
        """What the reader reads, cut behind the longest of it."""
        return device_batches.read_alone(batch, static_shapes=self.static_shapes)

    def count(self, batch: masked_batches.MaskedBatch) -> float:
        """Masked wordpieces."""
        return float(batch.mask_weights.sum())

    def loss_and_sums(
        self,
        batch: device_batches.ReaderBatch,
        model: Any,
        *,
        training: bool,
        across: losses.Collectives,
    ) -> tuple[tf.Tensor, task.Sums]:
        """One candidate per example: a batch of the mode "null", "own" or "other"."""
        logits = model((batch.joint, batch.mask_positions), training=training)
        log_p_y = losses.log_token(logits, batch.mask_targets)
        log_p_z = tf.zeros_like(log_p_y[:, :, 0])  # one block, with certainty
        weights = batch.mask_weights
        loss = losses.masked_lm_loss(log_p_z, log_p_y, weights, global_sum=across.global_count)
        right = task.hits(logits[:, 0], batch.mask_targets)
        return loss, {"accuracy": task.mean_over_masks(right, weights)}


def train(context: context_lib.Context) -> artifacts.Segment:
    """Warms up the reader of a run, from random weights or those of `init.reader`.

    Returns:
      Segment "reader_weights", whose counts hold `steps`, `copy_accuracy` (held out) and `passed`
      (1 if the gate was passed, or is not asked for); at once if it is there already.

    Raises:
      UserError: If `init.reader` does not fit the run.
    """
    config = context.config
    settings = {
        "experiment": "realm/warmup",
        "seed": config.seed,
        "warmup": config_lib.decisive(config.pretrain.warmup),
        "reader": config_lib.decisive(config.model.reader.encoder),
        "query_length": config.pretrain.query_length,
        "max_masks": config.pretrain.max_masks,
        "block_length": config.blocks.length,
        "held_out": config.evaluation.held_out_fraction,
        "runtime": config_lib.decisive(config.runtime),
    }
    start = initial_weights.of_reader(context)
    made_from = {
        "tokenizer": context.tokenizer.fingerprint,
        "passages": context.passages.source,
        **initial_weights.made_from(start),
    }
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    with strategies.scope(config.runtime):
        model, counts = _Warmup(context, start).fit(context.directory(path))
    return context.worker.segment(
        lambda: weights.save(
            model, path, kind=KIND, settings=settings, made_from=made_from, counts=counts
        ),
        path,
        KIND,
    )


class _Warmup:
    """The run: one stream of batches, first on null blocks, then on own blocks."""

    def __init__(self, context: context_lib.Context, start: artifacts.Segment | None):
        self._context = context
        self._warmup = context.config.pretrain.warmup
        config = context.config
        tf_keras.utils.set_random_seed(config.seed)
        self._model = reader.KnowledgeAugmentedEncoder(
            config.model.reader, context.tokenizer.vocab_size
        ).build_weights()
        initial_weights.fill_reader(self._model, start)
        self._task = WarmupTask(task.task_config(), **task.options(config.runtime))
        self._evaluator = evaluator.Evaluator(self._task, self._model)
        self._copy_accuracy = 0.0
        self._passed = False

    @functools.cached_property
    def _training(self) -> masked_batches.MaskedBatches:
        return self._batches(held_out=False)

    @functools.cached_property
    def _held_out(self) -> masked_batches.MaskedBatches:
        return self._batches(held_out=True)

    def _batches(self, *, held_out: bool) -> masked_batches.MaskedBatches:
        return masked_examples.make_batches(
            self._context,
            held_out=held_out,
            batch_size=self._warmup.batch_size,
            stage="warmup/held_out" if held_out else "warmup",
        )

    def fit(self, directory: str) -> tuple[reader.KnowledgeAugmentedEncoder, dict[str, float]]:
        """Trains until the gate is passed or the steps are used up."""
        warmup = self._warmup
        steps = warmup.null_steps + warmup.max_steps
        if steps == 0:
            return self._model, {"steps": 0, "passed": 1}
        fitted = loop.fit(
            loop.Run(
                name="warm-up",
                directory=directory,
                task=self._task,
                model=self._model,
                optimizer_config=config_lib.OptimizerConfig(learning_rate=warmup.learning_rate),
                steps=steps,
                make_batch=self._make_batch,
                records=self._training.records,
                seed=self._context.config.seed,
                runtime=self._context.config.runtime,
                checkpoint_every_steps=warmup.check_every_steps,
                host_every=(warmup.check_every_steps,),
                shown=("accuracy",),
                on_start=self._check_again,
                worker=self._context.worker,
                make_actions=lambda fitted: [
                    actions.every(
                        steps=warmup.check_every_steps,
                        step=fitted.global_step,
                        function=self._check,
                    )
                ],
            )
        )
        done = int(fitted.global_step.numpy())
        if not self._passed:
            self._measure()
        return self._model, {
            "steps": done,
            "copy_accuracy": self._copy_accuracy,
            "passed": int(self._copy_accuracy >= warmup.copy_accuracy),
        }

    def _make_batch(self, index: int) -> masked_batches.MaskedBatch:
        if index < self._warmup.null_steps:
            return self._training.make_batch(index, mode="null")
        rng = sampling.generator(self._context.config.seed, "warmup", index)
        if rng.random() < self._warmup.distract:
            return self._training.make_batch(index, mode="other")
        return substitution.substitute(
            self._training.make_batch(index, mode="own"),
            self._context.tokenizer,
            rng,
            probability=self._warmup.substitute,
        )

    def _measure(self) -> None:
        accuracy, worker = 0.0, self._context.worker
        if worker.is_chief:
            count = max(1, _CHECK_EXAMPLES // self._warmup.batch_size)
            batches = (self._held_out.make_batch(i, mode="own") for i in range(count))
            accuracy = self._evaluator(batches)["accuracy"]
        self._copy_accuracy = worker.chiefs(accuracy, "the copy accuracy that the chief measures")

    def _check_again(self, step: int) -> None:
        """Ends a run that was killed between passing the gate and writing its weights."""
        if step and step % self._warmup.check_every_steps == 0:
            self._check(step)

    def _check(self, step: int) -> dict[str, float]:
        if step < self._warmup.null_steps:
            return {}
        self._measure()
        self._passed = self._copy_accuracy >= self._warmup.copy_accuracy
        _LOGGER.info("held-out copy accuracy %.3f at step %d", self._copy_accuracy, step)
        if self._passed:
            raise loop.StopTraining
        return {"held_out_copy_accuracy": self._copy_accuracy}
