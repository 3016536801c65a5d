# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Systems are made once, however often they are asked for."""

import pytest

from realm_tf import config
from realm_tf.commands import training_stages


def test_system_without_joint_training_is_made_once(monkeypatch):
    made = []

    def baseline_snapshot(context, weights, *, make_vectors):
        made.append(weights)
        return "snapshot"

    monkeypatch.setattr(training_stages.refresh, "baseline_snapshot", baseline_snapshot)
    stages = training_stages.TrainingStages("root", None, None, None, None)
    known = {
        "realm": None,
        "supervised": None,
        "context": "context",
        "ict_weights": "e",
        "reader_weights": "r",
    }
    vars(stages).update(known)
    assert stages.best_system() is stages.best_system() is stages.ict_alone
    assert (stages.best_system().name, made) == ("ict", ["e"])


@pytest.mark.parametrize(
    ("trained", "compared"),
    [
        ({}, ["random", "ict"]),
        ({"realm"}, ["random", "ict", "realm"]),
        ({"supervised"}, ["random", "ict", "supervised"]),
        ({"realm", "supervised"}, ["random", "ict", "realm", "supervised"]),
    ],
)
def test_what_is_compared_ends_with_what_was_trained_last(monkeypatch, trained, compared):
    monkeypatch.setattr(training_stages.ict, "random_embedder", lambda context: None)
    for baselines in (True, False):
        settings = config.load(None, [f"evaluation.baselines={str(baselines).lower()}"])
        stages = training_stages.TrainingStages("root", None, settings, None, None)
        monkeypatch.setattr(stages, "baseline", lambda name, weights: name)
        known = {name: name if name in trained else None for name in ("realm", "supervised")}
        vars(stages).update(known, context=None, ict_alone="ict")
        assert list(stages.systems()) == (compared if baselines else compared[-1:])
        assert stages.best_system() == compared[-1]
        assert stages.pretrained == ("realm" if "realm" in trained else "ict")
