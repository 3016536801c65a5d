# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Systems are made once, however often they are asked for."""

from realm_tf.commands import training_stages


def test_system_without_joint_training_is_made_once(monkeypatch):
    made = []

    def baseline_snapshot(context, weights, *, make_vectors):
        made.append(weights)
        return "snapshot"

    monkeypatch.setattr(training_stages.refresh, "baseline_snapshot", baseline_snapshot)
    stages = training_stages.TrainingStages("root", None, None, None, None)
    known = {"realm": None, "context": "context", "ict_weights": "e", "reader_weights": "r"}
    vars(stages).update(known)
    assert stages.best_system() is stages.best_system() is stages.ict_alone
    assert (stages.best_system().name, made) == ("ict", ["e"])
