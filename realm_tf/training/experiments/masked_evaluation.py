# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a system predicts of masked spans in held-out documents."""

from __future__ import annotations

from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.training.engine import evaluator, task
from realm_tf.training.experiments import pretrain
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import masked_examples
from realm_tf.training.run import system as system_lib


def evaluate(context: context_lib.Context, system: system_lib.System) -> dict[str, float]:
    """Held-out metrics of a system on masked spans, with retrieval and on the null block alone.

    Returns:
      `pretrain.PretrainTask.metric_names` to means over `evaluation.masked_examples` held-out
      spans, but for the staleness, which is a matter of training.
    """
    config = context.config
    model = system_lib.realm_model(
        config.model, context.tokenizer.vocab_size, system.embedder_weights, system.reader_weights
    )
    batch_size = min(config.pretrain.batch_size, 32)
    batches = masked_examples.make_batches(
        context, held_out=True, batch_size=batch_size, stage="pretrain/held_out"
    )
    retrieve = retriever_lib.Retriever.open(system.snapshot)
    measured = pretrain.PretrainTask(task.task_config(), objective=config.pretrain.objective)
    count = max(1, config.evaluation.masked_examples // batch_size)
    figures = evaluator.Evaluator(measured, model)(
        batches.make_batch(i, retrieve, snapshot_step=system.snapshot.step) for i in range(count)
    )
    del figures["staleness_steps"]
    return figures
