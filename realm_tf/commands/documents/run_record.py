# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The system of a finished run whose documents are changed, and which is exported with them.

The first change writes `documents.json` into the work directory: which trained system it is, and
where its snapshots are. From then on it tells, so that nothing of the training is needed.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.commands import run_inputs, training_stages
from realm_tf.retrieval import snapshots as snapshots_lib
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib

_RECORD = "documents.json"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run's best system, by the paths of what it is made of.

    Attributes:
      workdir: Directory of the run.
      config: Its configuration.
      digest: Tells runs apart whose results may differ.
      name: Name of the system.
      snapshots: Directory of its snapshots.
      step: The trainer's step whose snapshot it has.
      vocab: Path of the segment "vocab".
      embedder_weights: Path of the segment "embedder_weights".
      reader_weights: Path of the segment "reader_weights".
      open_qa_weights: Path of the segment "open_qa_weights".
    """

    workdir: str
    config: config_lib.Config
    digest: str
    name: str
    snapshots: str
    step: int
    vocab: str
    embedder_weights: str
    reader_weights: str
    open_qa_weights: str

    def keep(self) -> None:
        """Writes the record."""
        body = {name: os.path.relpath(getattr(self, name), self.workdir) for name in _PATHS}
        body |= {name: getattr(self, name) for name in ("digest", "name", "step")}
        path = os.path.join(self.workdir, _RECORD)
        artifacts.write_text(path, json.dumps(body, indent=1) + "\n")

    def system(self) -> tuple[context_lib.Context, system_lib.System, artifacts.Segment]:
        """Context, system and open-QA weights, with the newest documents.

        Raises:
          UserError: If a part is missing or damaged.
        """
        snapshot = snapshots_lib.newest(self.snapshots, self.step)
        if snapshot is None:
            raise types.UserError(f"{self.snapshots} holds no whole snapshot of step {self.step}.")
        context = context_lib.Context(
            config=self.config,
            root=os.path.join(self.workdir, "segments"),
            training_dir=os.path.join(self.workdir, "training"),
            vocab=artifacts.open_segment(self.vocab, "vocab"),
            blocks=snapshot.segment("blocks"),
            documents=snapshot,
        )
        system = system_lib.System(
            self.name,
            artifacts.open_segment(self.embedder_weights, "embedder_weights", verify=False),
            artifacts.open_segment(self.reader_weights, "reader_weights", verify=False),
            snapshot,
        )
        return context, system, artifacts.open_segment(self.open_qa_weights, "open_qa_weights")


_PATHS = ("snapshots", "vocab", "embedder_weights", "reader_weights", "open_qa_weights")


def to_export(
    workdir: str, training: training_stages.TrainingStages
) -> tuple[context_lib.Context, system_lib.System, artifacts.Segment]:
    """Context, best system and open-QA weights of a run, with the documents as they are by now."""
    if (changed := recorded(workdir)) is not None:
        # The command may have settings of its own.
        return dataclasses.replace(changed, config=training.config).system()
    system = training.best_system()
    weights = training.fine_tuned(system)  # on the documents that it was trained with
    return *with_documents(training.context, system), weights


def with_documents(
    context: context_lib.Context, system: system_lib.System
) -> tuple[context_lib.Context, system_lib.System]:
    """A context and a system of a run with the documents as they are by now."""
    trained = system.snapshot
    newest = snapshots_lib.newest(trained.directory, trained.step)
    if newest is None or newest.revision == trained.revision:
        return context, system
    return (
        dataclasses.replace(context, documents=newest),
        dataclasses.replace(system, snapshot=newest),
    )


def recorded(workdir: str) -> Run | None:
    """What the first change of documents has recorded, if it is of the run as it is."""
    path = os.path.join(workdir, _RECORD)
    if not gfile.exists(path):
        return None
    body = artifacts.read_json(path)
    config = run_inputs.load(workdir)[1]
    if body["digest"] != run_inputs.digest(*run_inputs.load(workdir)):
        return None
    found: dict[str, Any] = {name: body[name] for name in ("digest", "name", "step")}
    found |= {name: os.path.normpath(os.path.join(workdir, body[name])) for name in _PATHS}
    return Run(workdir=workdir, config=config, **found)
