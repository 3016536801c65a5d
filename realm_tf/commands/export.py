# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a fine-tuned system with its corpus for serving: `realm export`."""

from __future__ import annotations

import os

from realm_tf import artifacts
from realm_tf.commands import calibrate, qa_module
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import export as serving_export
from serving import versions


def export_model(
    context: context_lib.Context,
    system: system_lib.System,
    weights: artifacts.Segment,
    calibration: artifacts.Segment,
    output: str,
    *,
    apart: bool = False,
) -> str:
    """Exports a fine-tuned system with its corpus, unless the newest version is that already.

    Args:
      context: The opened data of the run.
      system: The snapshot of embedder, vectors and index to export.
      weights: The "open_qa_weights" segment that was fine-tuned on this system.
      calibration: The "calibration" segment of these weights.
      output: Directory that the version is written in.
      apart: Whether retriever and reader are two models, in directories of their own in `output`.

    Returns:
      The directory of the versions, or of the two models, `output`.

    Raises:
      UserError: If the vectors are damaged, or another process exports there.
    """
    if not is_current(context, system, weights, calibration, output, apart=apart):
        serving_export.export(
            **qa_module.parts(context, system, weights, verify=True),
            path=output,
            snapshot_step=system.snapshot.step,
            made_from=_made_from(context, system, weights, calibration),
            calibration=calibrate.load(calibration)[0],
            block_tower=qa_module.block_tower(context, system),
            apart=apart,
        )
    return output


def is_current(
    context: context_lib.Context,
    system: system_lib.System,
    weights: artifacts.Segment,
    calibration: artifacts.Segment,
    output: str,
    *,
    apart: bool = False,
) -> bool:
    """Whether the newest version in `output` is what `export_model` would write."""
    made_from = _made_from(context, system, weights, calibration)
    if not apart:
        return serving_export.is_current(output, made_from, context.config)
    parts = {
        versions.RETRIEVER: made_from,
        versions.READER: serving_export.of_reader_alone(made_from),
    }
    return all(
        serving_export.is_current(os.path.join(output, name), part, context.config)
        for name, part in parts.items()
    )


def _made_from(
    context: context_lib.Context,
    system: system_lib.System,
    weights: artifacts.Segment,
    calibration: artifacts.Segment,
) -> dict[str, str]:
    return {
        **system.made_from(),
        "tokenizer": context.tokenizer.fingerprint,
        "embedder": system.snapshot.embedder.fingerprint,
        "open_qa_weights": weights.fingerprint,
        "calibration_questions": calibration.made_from["questions"],
    }
