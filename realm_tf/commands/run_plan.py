# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run would do, and what it has done: for `run --dry-run`, and `inspect` of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.commands import run_inputs, run_pipeline, run_progress, training_stages
from realm_tf.evaluation import report

COMPLETE = "complete"
TO_DO = "would run"
SKIPPED = "would be skipped: the reader did not pass its gate"
LEFT_OUT = "left out: pretrain.steps is 0"
UNDECIDED = "would run if the reader passes its gate"


def plan(
    workdir: str, inputs: run_inputs.Inputs, config: config_lib.Config, *, recorded: bool = False
) -> dict[str, str]:
    """Which stages of a run are complete and which would run; nothing is made or written.

    Args:
      workdir: Directory of the run, which need not be there.
      inputs: What the user brings.
      config: Resolved.
      recorded: Whether the data that the run was made of is taken as it is, without its corpus.

    Returns:
      Name of the stage, in their order, to what would become of it.

    Raises:
      UserError: If an input is missing, or a segment of the run is damaged.
    """
    if not recorded:
        run_inputs.check(inputs, config)
    inputs, config = inputs.absolute(), run_inputs.absolute_config(config)
    run = run_pipeline.Pipeline(workdir, inputs, config, recorded=recorded)
    with artifacts.nothing_is_made(run.root):
        return {name: _state(look) for name, look in _stages(run, config)}


def describe(workdir: str) -> str:
    """A run, for people: what it was started with, how far it is, and its report."""
    found = facts(workdir)
    lines = [f"run {workdir}"]
    lines += [f"  {name:<15}  {value}" for name, value in found["inputs"].items() if value]
    if found["in_use_by"]:
        lines.append(f"  in use by        {found['in_use_by']}")
    lines += ["", "stages", *(f"  {name:<15}  {value}" for name, value in found["stages"].items())]
    lines += ["", run_progress.show(found["trainings"]), "", report.render(found["report"])]
    return "\n".join(lines).rstrip()


def facts(workdir: str) -> dict[str, Any]:
    """A run, as JSON values: `inputs`, `stages`, and what `run_progress.facts` tells."""
    inputs, config = run_inputs.load(workdir)
    return {
        "inputs": dict(vars(inputs)),
        "stages": plan(workdir, inputs, config, recorded=True),
        **run_progress.facts(workdir),
    }


def _stages(
    run: run_pipeline.Pipeline, config: config_lib.Config
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every stage, and how to find out its state; an error tells that something is not there."""

    def complete(look: Callable[[], object]) -> Callable[[], str]:
        return lambda: COMPLETE if look() is not False else TO_DO

    training = run.training
    yield "vocab", complete(lambda: run.data.vocab)
    yield "blocks", complete(lambda: run.data.blocks)
    yield "spans", complete(lambda: run.data.passages)
    yield "ict", complete(lambda: training.ict_weights)
    yield "warmup", complete(lambda: training.reader_weights)
    yield "pretrain", lambda: _pretrain(training) if config.pretrain.steps else LEFT_OUT
    if config.dual_encoder.steps:
        yield "dual_encoder", complete(lambda: training.supervised)
    yield "open_qa", complete(lambda: training.fine_tuned(training.best_system()))
    yield "evaluate", complete(lambda: all(map(run.is_measured, training.systems())))
    yield "export", complete(run.is_exported)


def _pretrain(training: training_stages.TrainingStages) -> str:
    try:
        passed = training.reader_weights.counts["passed"]
    except artifacts.NotMadeError:
        return UNDECIDED
    return COMPLETE if passed and training.realm else SKIPPED


def _state(look: Callable[[], str]) -> str:
    try:
        return look()
    except artifacts.NotMadeError:
        return TO_DO
