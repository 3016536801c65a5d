# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The experiment `realm/ict`: the inverse cloze task (Lee et al., 2019, section 4)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.examples import ict_batches
from realm_tf.models import embedder, losses, weights
from realm_tf.training.engine import loop, task
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import initial_weights

KIND = "embedder_weights"


class IctTask(task.RealmTask):
    """Trains an `Embedder` to find the block that a sentence was taken from."""

    metric_names = ("accuracy",)

    def loss_and_sums(
        self, batch: types.Batch, model: Any, *, training: bool, across: losses.Collectives
    ) -> tuple[tf.Tensor, task.Sums]:
        """Batch: `query` and `block`, from `data.ict_batches`."""
        query_emb, block_emb = model((batch["query"], batch["block"]), training=training)
        logits, labels = losses.ict_logits_and_labels(query_emb, block_emb, across)
        hits = tf.cast(tf.equal(tf.argmax(logits, -1, tf.int32), labels), tf.float32)
        sums = {"accuracy": (tf.reduce_sum(hits), tf.cast(tf.size(hits), tf.float32))}
        return losses.ict_loss(logits, labels, across.global_sum), sums


def train(context: context_lib.Context) -> artifacts.Segment:
    """Trains the embedder of a run, from random weights or those of `init.embedder`.

    Returns:
      Segment "embedder_weights"; at once if it is there already.

    Raises:
      UserError: If `init.embedder` does not fit the run.
    """
    cfg = context.config
    settings = {
        "experiment": "realm/ict",
        "seed": cfg.seed,
        "ict": config_lib.decisive(cfg.ict),
        "embedder": config_lib.decisive(cfg.model.embedder),
        "block_length": cfg.blocks.length,
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
    with loop.scope(cfg.runtime):
        model, accuracy = _fit(context, context.directory(path), start)
    return weights.save(
        model,
        path,
        kind=KIND,
        settings=settings,
        made_from=made_from,
        counts={"steps": cfg.ict.steps, "accuracy": accuracy},
    )


def _fit(
    context: context_lib.Context, directory: str, start: artifacts.Segment | None
) -> tuple[embedder.Embedder, float]:
    cfg = context.config
    tf_keras.utils.set_random_seed(cfg.seed)
    model = embedder.Embedder(cfg.model.embedder, context.tokenizer.vocab_size).build_weights()
    initial_weights.fill_embedder(model, start)
    if cfg.ict.steps == 0:  # the weights it starts from, as they are
        return model, 0.0
    batches = ict_batches.IctBatches(
        context.knowledge,
        context.tokenizer,
        cfg.ict,
        block_length=cfg.blocks.length,
        seed=cfg.seed,
        template=cfg.blocks.template,
    )
    accuracy = []
    loop.fit(
        loop.Run(
            name="ict",
            directory=directory,
            task=IctTask(task.task_config(), jit_compile=cfg.runtime.jit_compile),
            model=model,
            optimizer_config=cfg.ict.optimizer,
            steps=cfg.ict.steps,
            make_batch=batches.make_batch,
            runtime=cfg.runtime,
            checkpoint_every_steps=cfg.ict.checkpoint_every_steps,
            shown=("accuracy",),
            make_actions=lambda _: [lambda logs: accuracy.append(float(logs["accuracy"]))],
        )
    )
    return model, accuracy[-1] if accuracy else 0.0


def random_embedder(context: context_lib.Context) -> artifacts.Segment:
    """An embedder of random weights: the baseline that has learned nothing."""
    cfg = context.config
    settings = {
        "experiment": "random",
        "seed": cfg.seed,
        "embedder": config_lib.decisive(cfg.model.embedder),
    }
    made_from = {"tokenizer": context.tokenizer.fingerprint}
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    tf_keras.utils.set_random_seed(cfg.seed)
    model = embedder.Embedder(cfg.model.embedder, context.tokenizer.vocab_size).build_weights()
    return weights.save(
        model, path, kind=KIND, settings=settings, made_from=made_from, counts={"steps": 0}
    )
