# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the report of a run says of its data and of its training, and what it forgets."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from realm_tf import artifacts
from realm_tf.artifacts import gfile
from realm_tf.commands import data_stages, training_stages
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import answer_scores, predictions, report


def of_parts(
    data: data_stages.DataStages,
    training: training_stages.TrainingStages,
    train: Sequence[open_qa.Question],
    dev: Sequence[open_qa.Question],
) -> Mapping[str, Mapping[str, Any]]:
    """The figures of the data and of the joint training, by the sections of the report."""
    spans = data.passages.spans
    marks = {} if spans is None else spans.counts
    joint = training.realm
    skipped = {"skipped": training.why_not_joint()}
    told = {**kept_step(joint.embedder_weights), **joint.history} if joint else {}
    figures = {
        "corpus": dict(data.blocks.counts),
        "passages": {**data.passages.blocks.counts, **marks},
        "warmup": dict(training.reader_weights.counts),
        "pretrain": {"done": True, **told} if joint else skipped,
    }
    if train:
        frequent = answer_scores.frequent_answer_exact_match(train, dev)
        figures["frequent_answer"] = {"exact_match": frequent, "questions": len(dev)}
    return figures


def kept_step(weights: artifacts.Segment) -> dict[str, float]:
    """For the report: which step's weights were kept, and the figure that they were chosen by."""
    return {name: n for name, n in weights.counts.items() if name.startswith("kept_")}


def forget_others(
    workdir: str, systems: Container[str], arms: Container[str], skipped: Container[str]
) -> dict[str, float]:
    """Removes what an earlier configuration left of systems that this one does not have.

    Args:
      workdir: Directory of the run.
      systems: Names of the systems that it has.
      arms: Names of the other retrievers whose blocks their readers read.
      skipped: Names of stages that it leaves out.

    Returns:
      The seconds in the report, of the stages that are left.
    """
    for made, path in predictions.files(workdir).items():
        system, arm = predictions.parts_of_name(made)
        if system not in systems or (arm and arm not in arms):
            gfile.remove(path)
    return {
        name: value
        for name, value in report.read(workdir).get("seconds", {}).items()
        if name not in skipped and ("/" not in name or name.partition("/")[2] in systems)
    }
