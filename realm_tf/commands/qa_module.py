# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The graph of a fine-tuned system: what is calibrated, measured and exported."""

from __future__ import annotations

from typing import Any

from realm_tf import artifacts
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.models import embedder, weights
from realm_tf.retrieval import view as view_lib
from realm_tf.training.experiments import open_qa_training
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import signatures


def make(
    context: context_lib.Context,
    system: system_lib.System,
    qa_weights: artifacts.Segment,
    calibration: calibration_lib.Calibration | None = None,
) -> signatures.QaModule:
    """The graph of a system with fine-tuned weights, calibrated or not."""
    return signatures.QaModule(**parts(context, system, qa_weights), calibration=calibration)


def parts(
    context: context_lib.Context,
    system: system_lib.System,
    qa_weights: artifacts.Segment,
    *,
    verify: bool = False,
) -> dict[str, Any]:
    """What `signatures.QaModule` is made of, by name, without a calibration.

    Raises:
      UserError: If the vectors are damaged, and `verify` is true.
    """
    return {
        "model": open_qa_training.restore(context, qa_weights),
        "tokenizer": context.tokenizer,
        "table": context.knowledge,
        "vectors": view_lib.View(system.snapshot, verify=verify).vectors,
        "config": context.config.answering,
    }


def block_tower(context: context_lib.Context, system: system_lib.System) -> embedder.Tower:
    """What embedded the blocks of a fine-tuned system, which its graph only has vectors of."""
    config = context.config.model.embedder
    model = embedder.Embedder(config, context.tokenizer.vocab_size).build_weights()
    weights.restore(model, system.embedder_weights)
    return model.block_tower
