# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How far the trainings of a run are, from their files alone: while it runs, without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile, leases
from realm_tf.config import parsing
from realm_tf.evaluation import report
from realm_tf.retrieval import snapshots
from realm_tf.training.engine import figures
from realm_tf.training.run import training_history

_CONFIG = "config.yaml"
_KINDS = {
    "embedder_weights": "ict",
    "reader_weights": "warmup",
    "pretrain": "pretrain",
    "dual_encoder": "dual_encoder",
    "open_qa_weights": "open_qa",
}
# What is shown of the newest loop, in this order.
_SHOWN = (
    *("training_loss", "accuracy", "null_accuracy", "retrieval_utility", "null_probability"),
    *("answer_accuracy", "steps_per_second", "held_out_recall", "held_out_accuracy"),
    *("held_out_retrieval_utility", "held_out_exact_match", "held_out_copy_accuracy"),
)


def facts(workdir: str) -> dict[str, Any]:
    """What the files of a run tell at once: `in_use_by`, `trainings` and `report`."""
    holder = leases.holder_of(workdir)
    return {
        "in_use_by": holder and f"process {holder.pid} on {holder.host} since {holder.since}",
        "trainings": trainings(workdir),
        "report": report.read(workdir),
    }


def describe(workdir: str) -> str:
    """How far a run is, for people: its user, its trainings, its report."""
    found = facts(workdir)
    lines = [f"run {workdir}"]
    if found["in_use_by"]:
        lines.append(f"  in use by        {found['in_use_by']}")
    lines += ["", show(found["trainings"]), "", report.render(found["report"])]
    return "\n".join(lines).rstrip()


def trainings(workdir: str) -> list[dict[str, Any]]:
    """Every training of a run, by stage; one of earlier settings, too, if it is still there.

    Returns:
      For each: `stage`, `directory`, `step`, `steps`, `latest` (its figures by name), and where it
      has them `best` (step and value of the weights that are kept so far), `snapshots` (steps),
      `swaps` (batch and snapshot of each), and what `training_history` tells.
    """
    config = _config(workdir)
    directory = os.path.join(workdir, "training")
    return [
        _training(path, stage, config)
        for kind, stage in _KINDS.items()
        for path in artifacts.paths_in(directory, prefix=f"{kind}-")
    ]


def show(found: list[dict[str, Any]]) -> str:
    """Trainings for people; a line that says so if there is none yet."""
    lines = [line for training in found for line in _lines(training)]
    return "\n".join(["trainings", *lines] if lines else ["no training has begun"])


def _config(workdir: str) -> config_lib.Config:
    values = parsing.read_yaml(os.path.join(workdir, _CONFIG))
    return config_lib.from_dict(config_lib.Config, values)


def _steps(stage: str, config: config_lib.Config) -> int:
    warmup = config.pretrain.warmup
    return {
        "ict": config.ict.steps,
        "warmup": warmup.null_steps + warmup.max_steps,
        "pretrain": config.pretrain.steps,
        "dual_encoder": config.dual_encoder.steps,
        "open_qa": config.open_qa.steps,
    }[stage]


def _training(path: str, stage: str, config: config_lib.Config) -> dict[str, Any]:
    rows = figures.read(path)
    latest = {name: figures.latest(rows, name) for name in _SHOWN}
    return {
        "stage": stage,
        "directory": path,
        "step": int(rows[-1]["step"]) if rows else 0,
        "steps": _steps(stage, config),
        "latest": {name: value for name, value in latest.items() if value is not None},
        **_optional(path),
        **training_history.told(path),
    }


def _optional(path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    best, swaps = (_json(os.path.join(path, name)) for name in ("best.json", "swaps.json"))
    if isinstance(best, dict):
        found["best"] = {name: best.get(name) for name in ("step", "value")}
    if steps := snapshots.list_steps(os.path.join(path, "snapshots")):
        found["snapshots"] = steps
    if isinstance(swaps, list):
        found["swaps"] = [[s["batch_index"], s["snapshot_step"]] for s in swaps]
    return found


def _json(path: str) -> Any:
    try:
        return artifacts.read_json(path) if gfile.exists(path) else None
    except types.UserError:  # it is written just now
        return None


def _lines(training: dict[str, Any]) -> Iterator[str]:
    yield f"  {training['stage']:<15}  step {training['step']:,} of {training['steps']:,}"
    if latest := training["latest"]:
        yield "    latest         " + "  ".join(f"{n} {v:.4g}" for n, v in latest.items())
    if best := training.get("best"):
        yield f"    best           {best['value']:.4g} at step {best['step']}"
    if steps := training.get("snapshots"):
        yield f"    snapshots      of steps {', '.join(map(str, steps))}"
    if swaps := training.get("swaps"):
        batch, step = swaps[-1]
        yield f"    swaps          {len(swaps) - 1}; the snapshot of step {step} from batch {batch}"
    for unit in ("steps", "minutes"):
        if f"staleness_{unit}_mean" in training:
            mean, p95, most = (training[f"staleness_{unit}_{n}"] for n in ("mean", "p95", "max"))
            yield f"    staleness      mean {mean:.3g}, p95 {p95:.3g}, max {most:.3g} {unit}"
    if "held_out_recall_first" in training:
        first, best, last = (training[f"held_out_recall_{n}"] for n in ("first", "best", "last"))
        yield f"    held-out recall  first {first:.3f}, best {best:.3f}, last {last:.3f}"
    if "alarms" in training:
        yield f"    alarms         {training['alarms']}"
