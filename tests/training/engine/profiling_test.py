# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A profile of the steps that were asked for lies beside the summaries of a training."""

import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.training.engine import profiling


def _profiled(directory, steps, done, monkeypatch):
    """The steps at which a profile begins (positive) and ends (negative)."""
    seen, step = [], tf.Variable(0, dtype=tf.int64)
    profiler = tf.profiler.experimental
    monkeypatch.setattr(profiler, "start", lambda _: seen.append(int(step.numpy())))
    monkeypatch.setattr(profiler, "stop", lambda: seen.append(-int(step.numpy())))
    with profiling.of_steps(steps, step, str(directory)) as before_step:
        for number in done:
            step.assign(number)
            before_step()
        step.assign(done[-1] + 1)
    return seen


@pytest.mark.parametrize(
    ("steps", "done", "expected"),
    [
        ((2, 4), range(6), [2, -4]),
        ((2, 4), range(3), [2, -3]),  # the training ends before
        ((2, 4), range(3, 6), [3, -4]),  # it was resumed between
        ((2, 4), range(4, 6), []),
        (None, range(6), []),
    ],
)
def test_profile_is_of_the_steps_that_were_asked_for(tmp_path, monkeypatch, steps, done, expected):
    assert _profiled(tmp_path, steps, done, monkeypatch) == expected


def test_profile_is_written(tmp_path):
    step = tf.Variable(0, dtype=tf.int64)
    with profiling.of_steps((0, 1), step, str(tmp_path)) as before_step:
        before_step()
        tf.linalg.matmul(tf.ones([8, 8]), tf.ones([8, 8]))
    assert list(tmp_path.glob("plugins/profile/*/*.xplane.pb"))


@pytest.mark.parametrize("steps", [(1,), (1, 2, 3), (2, 1), (-1, 2)])
def test_what_is_no_range_of_steps_is_refused(steps):
    with pytest.raises(types.UserError, match="profile_steps"):
        config.RuntimeConfig(profile_steps=steps)
