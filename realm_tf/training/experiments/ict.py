# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/ict`: the inverse cloze task (Lee et al., 2019, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.data.examples import ict_batches
from realm_tf.models import embedder, losses, weights
from realm_tf.text import packing
from realm_tf.training.engine import evaluator, loop, strategies, task
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import initial_weights

KIND = "embedder_weights"
_MEASURED_BATCHES = 10


class IctTask(task.ComparingTask):
    """Trains an `Embedder` to find the block that a sentence was taken from.

    A batch has `query`, and `block`: one block for each query, or several, of which the first is
    right.
    """

    metric_names = ("accuracy",)

    def device_part(self, batch: Any) -> Any:
        """Queries and blocks, each cut behind the longest of them."""
        return batch if self.static_shapes else type(batch)(*map(packing.trim, batch))

    def count(self, batch: Any) -> float:
        """Queries."""
        return len(batch.query.word_ids)

    def encode(self, batch: Any, model: Any, *, training: bool) -> Sequence[tf.Tensor]:
        """Vectors of queries and of blocks."""
        return model((batch.query, batch.block), training=training)

    def compare(
        self, encoded: Sequence[tf.Tensor], across: losses.Collectives
    ) -> tuple[tf.Tensor, task.Sums]:
        """Queries against the blocks of the global batch."""
        query_emb, block_emb = encoded
        logits, labels = losses.ict_logits_and_labels(query_emb, block_emb, across)
        hits = tf.cast(tf.equal(tf.argmax(logits, -1, tf.int32), labels), tf.float32)
        sums = {"accuracy": (tf.reduce_sum(hits), tf.cast(tf.size(hits), tf.float32))}
        return losses.ict_loss(logits, labels, across.global_count), sums


def train(context: context_lib.Context) -> artifacts.Segment:
    """Trains the embedder of a run, from random weights or those of `init.embedder`.

    Returns:
      Segment "embedder_weights"; at once if it is there already.

    Raises:
      UserError: If `init.embedder` does not fit the run.
    """
    config = context.config
    settings = {
        "experiment": "realm/ict",
        "seed": config.seed,
        "ict": config_lib.decisive(config.ict),
        "embedder": config_lib.decisive(config.model.embedder),
        "block_length": config.blocks.length,
        "runtime": config_lib.decisive(config.runtime),
    }
    start = initial_weights.of_embedder(context)
    made_from = {
        "tokenizer": context.tokenizer.fingerprint,
        "blocks": context.blocks.fingerprint,
        **initial_weights.made_from(start),
    }
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    with strategies.scope(config.runtime):
        model, accuracy = _fit(context, context.directory(path), start)
    return context.worker.segment(
        lambda: weights.save(
            model,
            path,
            kind=KIND,
            settings=settings,
            made_from=made_from,
            counts={"steps": config.ict.steps, "accuracy": accuracy},
        ),
        path,
        KIND,
    )


def _fit(
    context: context_lib.Context, directory: str, start: artifacts.Segment | None
) -> tuple[embedder.Embedder, float]:
    config = context.config
    tf_keras.utils.set_random_seed(config.seed)
    model = embedder.Embedder(config.model.embedder, context.tokenizer.vocab_size).build_weights()
    initial_weights.fill_embedder(model, start)
    if config.ict.steps == 0:  # the weights it starts from, as they are
        return model, 0.0
    batches = ict_batches.IctBatches(
        context.knowledge,
        context.tokenizer,
        config.ict,
        block_length=config.blocks.length,
        seed=config.seed,
        template=config.blocks.template,
    )
    accuracy = fit(
        context,
        model,
        batches,
        IctTask(task.task_config(), **task.options(config.runtime)),
        config.ict,
        name="ict",
        directory=directory,
    )
    return model, accuracy


class _Batches(Protocol):
    """Batches of queries and blocks: `ict_batches.IctBatches`, and those of the dual encoder."""

    def make_batch(self, index: int) -> Any:
        """Makes the batch `index`."""

    def records(self, index: int) -> list[str]:
        """Names of what the batch `index` is made of."""


def fit(
    context: context_lib.Context,
    model: embedder.Embedder,
    batches: _Batches,
    ict_task: IctTask,
    settings: config_lib.IctConfig | config_lib.DualEncoderConfig,
    *,
    name: str,
    directory: str,
) -> float:
    """Trains an embedder on batches of queries and blocks.

    Args:
      context: The run.
      model: The embedder.
      batches: Batches of the task.
      ict_task: The task.
      settings: Steps and optimiser.
      name: Name of the training, for its progress.
      directory: Where its checkpoints are.

    Returns:
      The accuracy on the batches after the last; 0 in a worker that is not the chief.
    """
    loop.fit(
        loop.Run(
            name=name,
            directory=directory,
            task=ict_task,
            model=model,
            optimizer_config=settings.optimizer,
            steps=settings.steps,
            make_batch=batches.make_batch,
            records=batches.records,
            seed=context.config.seed,
            runtime=context.config.runtime,
            checkpoint_every_steps=settings.checkpoint_every_steps,
            shown=("accuracy",),
            worker=context.worker,
        )
    )
    if not context.worker.is_chief:
        return 0.0  # the chief measures
    # On the batches after the last: what a run that was killed just before measures, too.
    later = range(settings.steps, settings.steps + _MEASURED_BATCHES)
    figures = evaluator.Evaluator(ict_task, model)(batches.make_batch(i) for i in later)
    accuracy: float = figures["accuracy"]
    return accuracy


def random_embedder(context: context_lib.Context) -> artifacts.Segment:
    """The baseline of `realm/ict`: an embedder of random weights, which has learned nothing."""
    config = context.config
    settings = {
        "experiment": "random",
        "seed": config.seed,
        "embedder": config_lib.decisive(config.model.embedder),
    }
    made_from = {"tokenizer": context.tokenizer.fingerprint}
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    tf_keras.utils.set_random_seed(config.seed)
    model = embedder.Embedder(config.model.embedder, context.tokenizer.vocab_size).build_weights()
    counts = {"steps": 0}
    return context.worker.segment(
        lambda: weights.save(
            model, path, kind=KIND, settings=settings, made_from=made_from, counts=counts
        ),
        path,
        KIND,
    )
