# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is told of a run while it runs, from files alone."""

import json

import numpy as np
import pytest

from realm_tf import artifacts, config, types
from realm_tf.commands import run_progress
from realm_tf.training.engine import figures
from realm_tf.training.run import staleness


@pytest.fixture
def run(tmp_path):
    settings = config.load(None, ["pretrain.steps=300", "ict.steps=50"])
    (tmp_path / "config.yaml").write_text(config.dump(settings))
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "report.json").write_text(json.dumps({"seconds": {"ict": 12.5}}))
    ict = tmp_path / "training" / "embedder_weights-0a"
    joint = tmp_path / "training" / "pretrain-1b"
    for directory in (ict, joint / "snapshots"):
        directory.mkdir(parents=True)
    figures.FigureLog(str(ict), 0).append({"step": 50, "training_loss": 0.5, "accuracy": 0.75})
    log = figures.FigureLog(str(joint), 0)
    log.append(
        {"step": 100, "held_out_recall": 0.25, "alarm_no_utility": 0.0, "null_accuracy": 0.1}
    )
    log.append({"step": 200, "held_out_recall": 0.125, "alarm_no_utility": 1.0, "accuracy": 0.4})
    (joint / "best.json").write_text(json.dumps({"step": 100, "value": 0.5, "name": "best"}))
    swaps = [
        {"batch_index": b, "snapshot_step": s, "decided_at": s} for b, s in ((0, 0), (104, 100))
    ]
    (joint / "swaps.json").write_text(json.dumps(swaps))
    for step in (0, 100):
        (joint / "snapshots" / f"step-{step:09d}.json").write_text("{}")
    ages = np.full([2, 300], -1, np.float32)
    ages[:, :200] = np.arange(200) % 100
    np.savez(joint / staleness.FILE, ages=ages)
    return tmp_path


def test_trainings_are_told_by_stage(run):
    ict, joint = run_progress.trainings(str(run))
    assert (ict["stage"], ict["step"], ict["steps"]) == ("ict", 50, 50)
    assert ict["latest"] == {"training_loss": 0.5, "accuracy": 0.75}
    assert (joint["stage"], joint["step"], joint["steps"]) == ("pretrain", 200, 300)
    assert joint["latest"] == {"accuracy": 0.4, "null_accuracy": 0.1, "held_out_recall": 0.125}
    assert joint["best"] == {"step": 100, "value": 0.5}
    assert joint["snapshots"] == [0, 100]
    assert joint["swaps"] == [[0, 0], [104, 100]]
    assert joint["staleness_steps_max"] == 99
    assert joint["held_out_recall_best"] == 0.25
    assert joint["alarms"] == "no_utility at step 200"


def test_run_is_told_to_people(run):
    with artifacts.hold(str(run)):
        text = run_progress.describe(str(run))
    assert "in use by        process " in text
    assert "pretrain         step 200 of 300" in text
    assert "snapshots      of steps 0, 100" in text
    assert "swaps          1; the snapshot of step 100 from batch 104" in text
    assert "best           0.5 at step 100" in text
    assert "staleness      mean 49.5, p95 94.1, max 99 steps" in text
    assert "held-out recall  first 0.250, best 0.250, last 0.125" in text
    assert "alarms         no_utility at step 200" in text
    assert "12.500" in text


def test_run_that_has_not_trained(run):
    for path in sorted((run / "training").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert run_progress.trainings(str(run)) == []
    assert "no training has begun" in run_progress.describe(str(run))


def test_file_that_is_being_written_is_left_out(run):
    (run / "training" / "pretrain-1b" / "swaps.json").write_text("[{")
    assert "swaps" not in run_progress.trainings(str(run))[1]


def test_broken_settings_are_named(run):
    (run / "config.yaml").write_text("pretrain: {steps: many}")
    with pytest.raises(types.UserError, match=r"pretrain\.steps must be"):
        run_progress.describe(str(run))
