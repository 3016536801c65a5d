# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Progress comes with every loop, and between loops that take long."""

import logging
import time

import pytest
import tensorflow as tf

from realm_tf.training.engine import actions


@pytest.fixture
def step():
    return tf.Variable(0, dtype=tf.int64)


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_loop_tells_its_metrics(step, caplog):
    caplog.set_level(logging.INFO)
    progress = actions.Progress(name="ict", total_steps=8, step=step, shown=("accuracy",))
    step.assign(4)
    progress({"training_loss": 0.5, "accuracy": 0.25, "other": 1.0})
    progress.close()
    (line,) = lines(caplog)
    assert line.startswith("ict 4/8 training_loss=0.5 accuracy=0.25 (")
    assert line.endswith(" steps/s)")


def test_a_loop_that_does_not_return_tells_its_step(step, caplog, monkeypatch):
    monkeypatch.setattr(actions, "_LINE_EVERY_SECS", 0.01)
    caplog.set_level(logging.INFO)
    progress = actions.Progress(name="ict", total_steps=8, step=step)
    step.assign(3)
    deadline = time.monotonic() + 60
    while not any(line.startswith("ict 3/8 (") for line in lines(caplog)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    progress.close()


def test_nothing_is_said_after_the_end(step, caplog, monkeypatch):
    monkeypatch.setattr(actions, "_LINE_EVERY_SECS", 0.01)
    caplog.set_level(logging.INFO)
    progress = actions.Progress(name="ict", total_steps=8, step=step)
    progress.close()
    time.sleep(0.05)
    said = len(lines(caplog))
    time.sleep(0.1)
    assert len(lines(caplog)) == said


def test_every_calls_at_multiples(step):
    calls = []

    def function(number):
        calls.append(number)
        return {"figure": float(number)}

    every = actions.every(steps=3, step=step, function=function)
    outputs: dict = {}
    for number in range(1, 8):
        step.assign(number)
        every(outputs)
    assert calls == [3, 6]
    assert outputs == {"figure": 6.0}
