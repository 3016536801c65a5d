# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Retrieval utility on held-out spans: what the best checkpoint of joint training is chosen by.

As in the original: the system that is kept is the one whose blocks help most to predict what it was
not trained on (Guu et al., 2020, section 3.3, "RU").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from realm_tf import config as config_lib
from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.training.engine import best_weights, evaluator, example_tables, task
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import masked_examples, masked_tables

_FIGURE = "held_out_retrieval_utility"
_SHOWN = ("accuracy", "null_accuracy", "retrieval_utility")


def choice(config: config_lib.Config) -> dict[str, Any]:
    """What decides which weights are kept, for the recipe; nothing if it is the last ones."""
    if config.pretrain.keep == "last":
        return {}
    return {"measured_every": config.pretrain.checkpoint_every_steps}


def measuring(
    context: context_lib.Context,
    model: Any,
    measured: task.RealmTask,
    retriever_at: Callable[[int], retriever_lib.Retriever],
    directory: str,
) -> dict[str, Any]:
    """The attributes of a `loop.Run` that keeps the weights with the best retrieval utility.

    Args:
      context: Configuration and data of the run.
      model: Model that is trained.
      measured: Task of the model, with the metric "retrieval_utility".
      retriever_at: Step to the search that the batch of that step is made with.
      directory: Directory of the training, for tables of examples.

    Returns:
      `measure` and `best_by`; nothing if the last weights are kept.
    """
    settings = context.config.pretrain
    if settings.keep == "last":
        return {}
    batches = masked_examples.make_batches(
        context, held_out=True, batch_size=settings.batch_size, stage="pretrain/kept"
    )
    evaluate = evaluator.Evaluator(measured, model)
    count = -(-settings.held_out_examples // settings.batch_size)

    def measure(step: int) -> dict[str, float]:
        retrieve = retriever_at(step)
        table = context.knowledge if retrieve.table is None else retrieve.table
        made = (batches.make_batch(i, retrieve, knowledge=table) for i in range(count))
        figures = evaluate(made)
        first = batches.make_batch(0, retrieve, knowledge=table)
        examples = masked_tables.examples(context, model, first, table)
        example_tables.write(directory, step, examples)
        return {f"held_out_{name}": figures[name] for name in _SHOWN}

    return {"measure": measure, "best_by": _FIGURE}


def counts(steps: int, kept: best_weights.BestWeights | None) -> dict[str, float]:
    """Counts of the weights' segments: steps done, which was kept, and the utility that it had."""
    if kept is None:
        return {"steps": steps, "kept_step": steps}
    return {"steps": steps, "kept_step": kept.step, "kept_retrieval_utility": kept.value}
