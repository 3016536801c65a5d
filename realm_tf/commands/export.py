# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a fine-tuned system with its corpus for serving: `realm export`."""

from __future__ import annotations

from realm_tf import artifacts
from realm_tf.retrieval import vectors as vectors_lib
from realm_tf.training.experiments import open_qa_training
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import export as serving_export


def export_model(
    context: context_lib.Context,
    system: system_lib.System,
    weights: artifacts.Segment,
    output: str,
) -> str:
    """Exports a fine-tuned system with its corpus, unless the newest version is that already.

    Args:
      context: The opened data of the run.
      system: The snapshot of embedder, vectors and index to export.
      weights: The "open_qa_weights" segment that was fine-tuned on this system.
      output: Directory that the version is written in.

    Returns:
      The directory of the versions, `output`.

    Raises:
      UserError: If the vectors are damaged, or another process exports there.
    """
    if not is_current(context, system, weights, output):
        serving_export.export(
            model=open_qa_training.restore(context, weights),
            tokenizer=context.tokenizer,
            table=context.knowledge,
            vectors=vectors_lib.VectorTable.open(system.snapshot.segment("vectors", verify=True)),
            config=context.config,
            path=output,
            snapshot_step=system.snapshot.step,
            made_from=_made_from(context, system, weights),
        )
    return output


def is_current(
    context: context_lib.Context, system: system_lib.System, weights: artifacts.Segment, output: str
) -> bool:
    """Whether the newest version in `output` is what `export_model` would write."""
    made_from = _made_from(context, system, weights)
    return serving_export.is_current(output, made_from, context.config)


def _made_from(
    context: context_lib.Context, system: system_lib.System, weights: artifacts.Segment
) -> dict[str, str]:
    return {
        **system.made_from(),
        "tokenizer": context.tokenizer.fingerprint,
        "embedder": system.snapshot.embedder.fingerprint,
        "open_qa_weights": weights.fingerprint,
    }
