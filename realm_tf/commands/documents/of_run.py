# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the system of a finished run whose documents are to be changed."""

from __future__ import annotations

import os

from realm_tf import artifacts, types
from realm_tf.artifacts import leases
from realm_tf.commands import run_inputs, run_pipeline
from realm_tf.commands.documents import run_record
from realm_tf.retrieval import reading


def in_training(workdir: str) -> str | None:
    """Directory of the snapshots that joint training retrieves from, if it goes on in a run."""
    trainer = leases.holder_of(workdir)
    if trainer is None:
        return None
    for training in artifacts.paths_in(os.path.join(workdir, "training"), prefix="pretrain-"):
        directory = os.path.join(training, "snapshots")
        readers = reading.in_use(directory).values()
        if any((r.machine, r.pid) == (trainer.machine, trainer.pid) for r in readers):
            return directory
    return None


def find(workdir: str) -> run_record.Run:
    """The best system of a finished run.

    Raises:
      UserError: If there is no run, or it is not finished.
    """
    if known := run_record.recorded(workdir):
        return known
    inputs, config = run_inputs.load(workdir)
    pipeline = run_pipeline.Pipeline(workdir, inputs, config, recorded=True)
    try:
        with artifacts.nothing_is_made(pipeline.root):
            system = pipeline.training.best_system()
            weights = pipeline.training.fine_tuned(system)
    except artifacts.NotMadeError as error:
        raise types.UserError(
            f"The run in {workdir} is not finished: {error} is missing. Its documents can be"
            " changed during joint training, or when it is finished with realm run."
        ) from error
    return run_record.Run(
        workdir=workdir,
        config=config,
        digest=run_inputs.digest(inputs, config),
        name=system.name,
        snapshots=system.snapshot.directory,
        step=system.snapshot.step,
        vocab=pipeline.data.vocab.path,
        embedder_weights=system.embedder_weights.path,
        reader_weights=system.reader_weights.path,
        open_qa_weights=weights.path,
    )
