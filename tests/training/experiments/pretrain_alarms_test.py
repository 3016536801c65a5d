# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An alarm of joint training warns, stops it, or ends it with the best weights."""

import json

import pytest

from realm_tf import config, types
from realm_tf.training.experiments import ict, pretrain, warmup
from realm_tf.training.run import system as system_lib
from tests.training import runs

# No training passes this: the null block has some probability.
ALARM = (
    "pretrain.alarms.max_null_probability=0",
    "pretrain.alarms.window_steps=3",
    "pretrain.alarms.min_different_blocks=0",
    "pretrain.refresh.every_steps=2",
    "pretrain.checkpoint_every_steps=2",
    "pretrain.steps=8",
)


def _train(root, *overrides) -> system_lib.System:
    context = runs.make_context(root, runs.make_config(*ALARM, *overrides))
    return pretrain.train(
        context,
        embedder_weights=ict.random_embedder(context),
        reader_weights=warmup.train(context),
        make_vectors=runs.make_vectors(context),
    )


def _rows(root):
    (path,) = root.glob("training/pretrain-*/figures.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_warning_says_what_to_check_and_training_goes_on(tmp_path, caplog):
    system = _train(tmp_path)
    assert caplog.text.count("alarm null_block at step 4: the null block takes nearly all") == 1
    assert "Check that ICT was trained long enough" in caplog.text
    rows = _rows(tmp_path)
    assert [row["step"] for row in rows] == [2, 4, 6, 8]
    assert [row["alarm_null_block"] for row in rows] == [0, 1, 1, 1]
    assert all(0 <= row["held_out_recall"] <= 1 for row in rows)
    assert "null_block at step 4" in system.history["alarms"]
    assert system.history.keys() >= {"held_out_recall_first", "held_out_recall_last"}
    assert system.embedder_weights.counts["steps"] == 8


def test_run_is_stopped(tmp_path):
    for _ in range(2):  # the same command stops at the same step
        with pytest.raises(types.UserError, match=r"Alarm null_block at step 4: .* Check"):
            _train(tmp_path, "pretrain.alarms.on_alarm=stop")
    assert _train(tmp_path).embedder_weights.counts["steps"] == 8


class Killed(BaseException):
    """What no handler of errors catches."""


def test_training_ends_with_the_best_weights(tmp_path, monkeypatch):
    best = "pretrain.alarms.on_alarm=best"
    save = pretrain._Pretraining._save

    def kill(self, counts):
        raise Killed

    monkeypatch.setattr(pretrain._Pretraining, "_save", kill)
    with pytest.raises(Killed):
        _train(tmp_path, best)
    monkeypatch.setattr(pretrain._Pretraining, "_save", save)
    system = _train(tmp_path, best)
    counts = system.embedder_weights.counts
    assert counts["steps"] == 4
    assert counts["kept_step"] in (2, 4)
    assert [row["step"] for row in _rows(tmp_path)] == [2, 4]
    whole = _train(tmp_path / "whole", best)
    assert whole.embedder_weights.counts == counts
    runs.require_equal(
        *(runs.saved_values(s.embedder_weights, s.reader_weights) for s in (system, whole))
    )


def test_what_cannot_be_gone_back_to_is_refused():
    alarms = config.AlarmsConfig(on_alarm="best")
    with pytest.raises(types.UserError, match="on_alarm best needs keep best"):
        config.PretrainConfig(keep="last", alarms=alarms)


def test_alarms_are_of_the_recipe_only_where_they_may_end_a_training():
    plain = config.PretrainConfig()
    warned = config.PretrainConfig(alarms=config.AlarmsConfig(on_alarm="stop", window_steps=7))
    assert config.decisive(plain) == config.decisive(warned)
    best = config.PretrainConfig(alarms=config.AlarmsConfig(on_alarm="best"))
    assert pretrain.alarm_watch.recipe(plain) == pretrain.alarm_watch.recipe(warned) == {}
    assert pretrain.alarm_watch.recipe(best) != {}
