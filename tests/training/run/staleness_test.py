# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Staleness is measured at every step, kept over a restart, and has a budget."""

import time

import numpy as np
import pytest

from realm_tf import config
from realm_tf.training.run import staleness


def _budget(**changes):
    return config.from_dict(config.Config, {"pretrain": {"refresh": changes}}).pretrain.refresh


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ((10, 5.0), None),
        ((11, 0.0), "11 steps old, over its budget of 10"),
        ((0, 5.5), "5.5 minutes old, over its budget of 5"),
    ],
)
def test_budget(age, expected):
    budget = _budget(max_staleness_steps=10, max_staleness_minutes=5)
    assert staleness.Age(*age).over(budget) == expected
    assert staleness.Age(*age).over(_budget()) is None


def test_figures_are_of_every_step_also_of_a_resumed_run(tmp_path):
    assert staleness.figures(str(tmp_path)) == {}
    first = staleness.Staleness(str(tmp_path), 6, lambda _: 0.0)
    for step in range(4):
        first.note(step, 0)
    first.save()
    again = staleness.Staleness(str(tmp_path), 6, lambda _: time.time() + 3600)
    for step in range(3, 6):  # the last step of before is done again
        again.note(step, 3)
    again.save()
    figures = staleness.figures(str(tmp_path))
    ages = [0, 1, 2, 0, 1, 2]
    assert figures["staleness_steps_mean"] == pytest.approx(np.mean(ages))
    assert figures["staleness_steps_p95"] == pytest.approx(np.percentile(ages, 95))
    assert figures["staleness_steps_max"] == 2
    assert figures.keys() == {f"staleness_{u}_{n}" for u in ("steps", "minutes")
                              for n in ("mean", "p95", "max")}  # fmt: skip


def test_pause_between_two_processes_does_not_count(tmp_path):
    found = staleness.Staleness(str(tmp_path), 6, lambda _: time.time() - 24 * 3600)
    assert found.age(4, 1).steps == 3
    assert found.age(4, 1).minutes < 1


def test_summary_is_the_mean_since_the_last(tmp_path):
    found = staleness.Staleness(str(tmp_path), 6, lambda _: time.time())
    assert found.latest(0) == {}
    found.note(0, 0)
    assert found.latest(1)["staleness_minutes"] < 1
    assert found.latest(1) == {}
