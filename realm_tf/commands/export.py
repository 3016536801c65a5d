# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports a fine-tuned system with its corpus for serving: `realm export`."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Sequence

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.commands import calibrate, qa_module, served_index
from realm_tf.data.questions import questions as open_qa
from realm_tf.retrieval import shards as shards_lib
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import export as serving_export
from serving import sharded_export, versions


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


@dataclasses.dataclass(frozen=True)
class Form:
    """What an export looks like.

    Attributes:
      index: Kind of the index that the model searches: exact, ivf or scann.
      apart: Whether retriever and reader are two models, in directories of their own.
      shards: Number of retrievers among which the corpus is divided, beside the reader; 0: it is
        not.
    """

    index: str = "exact"
    apart: bool = False
    shards: int = 0

    @property
    def has_reader_apart(self) -> bool:
        """Whether the reader is a model of its own."""
        return self.apart or self.shards > 0


def export_model(
    source: Source,
    calibration: artifacts.Segment | None,
    output: str,
    form: Form,
    questions: Sequence[open_qa.Question] = (),
) -> str:
    """Exports a fine-tuned system with its corpus.

    Args:
      source: The system.
      calibration: Its "calibration" segment; None where `has_reader` is true, of a reader apart.
      output: Directory that the version is written in.
      form: What is written.
      questions: Questions to measure the recall of an index with that is not exact.

    Returns:
      The directory of the versions, or of several models, `output`.

    Raises:
      UserError: If the vectors are damaged, no such index can be made of them, the corpus cannot be
        divided so, or another process exports there.
    """
    context, system = source.context, source.system
    parts = qa_module.parts(*source.parts(), verify=True)
    table, vectors = parts.pop("table"), parts.pop("vectors")
    search = functools.partial(
        served_index.make, context, model=parts["model"], kind=form.index, questions=questions
    )
    arguments = {
        **parts,
        "path": output,
        "snapshot_step": system.snapshot.step,
        "snapshot_created": system.snapshot.created,
        "made_from": source.made_from(),
        "calibration": None if calibration is None else calibrate.load(calibration)[0],
        "block_tower": qa_module.block_tower(context, system),
    }
    if not form.shards:
        of_corpus = {"table": table, "vectors": vectors, "search": search(vectors)}
        serving_export.export(**of_corpus, **arguments, apart=form.apart)
        return output
    arguments["made_from"] = {**source.made_from(), "blocks": table.blocks}
    fingerprints = shards_lib.fingerprints(system.snapshot, form.shards)
    divided = (
        sharded_export.Part(view.table, view.vectors, search(view.vectors))
        for view in shards_lib.views(system.snapshot, form.shards)
    )
    return sharded_export.export(divided, fingerprints, **arguments)


def check(config: config_lib.Config, form: Form) -> None:
    """Refuses what cannot be exported, before anything is calibrated or written.

    Raises:
      UserError: If the corpus is to be divided, and BM25 to search it.
    """
    if form.shards:
        sharded_export.require_no_fusion(config)


def is_current(source: Source, output: str, form: Form) -> bool:
    """Whether `realm export` is done: the newest version in `output` is what it would write."""
    config, made_from = source.context.config.answering, source.made_from()
    if form.shards:
        is_there = sharded_export.is_current(output, form.shards, made_from, config, form.index)
    else:
        path = os.path.join(output, versions.RETRIEVER) if form.apart else output
        is_there = serving_export.is_current(path, made_from, config, form.index)
    return is_there and (not form.has_reader_apart or has_reader(source, output))


def has_reader(source: Source, output: str) -> bool:
    """Whether the newest version of a reader apart in `output` is the one of a system."""
    reader = os.path.join(output, versions.READER)
    of_reader = serving_export.of_reader_alone(source.made_from())
    return serving_export.is_current(reader, of_reader, source.context.config.answering)
