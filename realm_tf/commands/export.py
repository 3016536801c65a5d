# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a fine-tuned system with its corpus for serving: `realm export`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from realm_tf import artifacts
from realm_tf.commands import calibrate, qa_module, served_index
from realm_tf.data.questions import questions as open_qa
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import export as serving_export
from serving import versions


@dataclasses.dataclass(frozen=True)
class Source:
    """The fine-tuned system of a run that `realm export` exports, and what it is calibrated with.

    Attributes:
      context: The opened data of the run.
      system: The snapshot of embedder, vectors and index.
      weights: The "open_qa_weights" segment that was fine-tuned on this system.
      questions: Fingerprint of the dev questions, which it is calibrated with.
    """

    context: context_lib.Context
    system: system_lib.System
    weights: artifacts.Segment
    questions: str

    def parts(self) -> tuple[context_lib.Context, system_lib.System, artifacts.Segment]:
        """Context, system and weights."""
        return self.context, self.system, self.weights

    def made_from(self) -> dict[str, str]:
        """Role to fingerprint of all that decides what the export is."""
        return {
            **self.system.made_from(),
            "tokenizer": self.context.tokenizer.fingerprint,
            "embedder": self.system.snapshot.embedder.fingerprint,
            "open_qa_weights": self.weights.fingerprint,
            "calibration_questions": self.questions,
        }


def export_model(
    source: Source,
    calibration: artifacts.Segment | None,
    output: str,
    *,
    index: str = "exact",
    questions: Sequence[open_qa.Question] = (),
    apart: bool = False,
) -> str:
    """Exports a fine-tuned system with its corpus.

    Args:
      source: The system.
      calibration: Its "calibration" segment; None where `has_reader` is true, of a model apart.
      output: Directory that the version is written in.
      index: Kind of the index that the model searches: exact, ivf or scann.
      questions: Questions to measure the recall of an index with that is not exact.
      apart: Whether retriever and reader are two models, in directories of their own in `output`.

    Returns:
      The directory of the versions, or of the two models, `output`.

    Raises:
      UserError: If the vectors are damaged, no such index can be made of them, or another process
        exports there.
    """
    context, system = source.context, source.system
    parts = qa_module.parts(*source.parts(), verify=True)
    vectors, model = parts["vectors"], parts["model"]
    search = served_index.make(context, system.snapshot, vectors, model, index, questions)
    serving_export.export(
        **parts,
        search=search,
        path=output,
        snapshot_step=system.snapshot.step,
        snapshot_created=system.snapshot.created,
        made_from=source.made_from(),
        calibration=None if calibration is None else calibrate.load(calibration)[0],
        block_tower=qa_module.block_tower(context, system),
        apart=apart,
    )
    return output


def is_current(source: Source, output: str, *, index: str = "exact", apart: bool = False) -> bool:
    """Whether `realm export` is done: the newest version in `output` is what it would write."""
    config, made_from = source.context.config.answering, source.made_from()
    if not apart:
        return serving_export.is_current(output, made_from, config, index)
    retriever = os.path.join(output, versions.RETRIEVER)
    is_there = serving_export.is_current(retriever, made_from, config, index)
    return is_there and has_reader(source, output)


def has_reader(source: Source, output: str) -> bool:
    """Whether the newest version of a reader apart in `output` is the one of a system."""
    reader = os.path.join(output, versions.READER)
    of_reader = serving_export.of_reader_alone(source.made_from())
    return serving_export.is_current(reader, of_reader, source.context.config.answering)
