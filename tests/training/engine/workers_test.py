# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which worker a process is, what it waits for, and what it says when the chief is gone."""

import itertools
import json
import logging
import threading

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import artifacts, config, types
from realm_tf.artifacts import leases
from realm_tf.training.engine import workers
from tests.models import tiny

_WORKERS = {"worker": ["a:1", "b:1"]}
_CHIEF = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
_RUNTIME = config.RuntimeConfig(strategy="multi_worker_mirrored")


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "expected"),
    [
        (_WORKERS, "worker", 0, (0, 2)),
        (_WORKERS, "worker", "1", (1, 2)),
        (_CHIEF, "chief", 0, (0, 3)),
        (_CHIEF, "worker", 0, (1, 3)),
        (_CHIEF, "worker", 1, (2, 3)),
        ({"worker": ["a:1"]}, "worker", 0, (0, 1)),
    ],
)
def test_tf_config_says_which_worker_this_is(monkeypatch, cluster, kind, index, expected):
    body = {"cluster": cluster, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(body))
    assert workers._place(_RUNTIME) == expected
    assert workers._place(config.RuntimeConfig(strategy="mirrored")) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "first"}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}',
    ],
)
def test_wrong_tf_config_is_one_line(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(types.UserError, match="TF_CONFIG does not say which worker") as caught:
        workers._place(_RUNTIME)
    assert "\n" not in str(caught.value)


def test_without_tf_config_there_is_one_worker(monkeypatch, caplog):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert workers._place(_RUNTIME) == (0, 1)
    assert "TF_CONFIG is not set" in caplog.text


def test_parts_of_all_workers_are_the_batch():
    batch = tiny.masked_batch(batch_size=6)
    parts = [workers.Worker(index, 3).part(batch) for index in range(3)]
    whole = tf.nest.map_structure(lambda *arrays: np.concatenate(arrays), *parts)
    for left, right in zip(tf.nest.flatten(whole), tf.nest.flatten(batch), strict=True):
        np.testing.assert_array_equal(left, right)
    assert workers.ALONE.part(batch) is batch


def test_a_worker_alone_decides_and_makes():
    assert workers.ALONE.chiefs(3.5, "") == 3.5
    assert workers.ALONE.segment(lambda: "made", "/nowhere", "x") == "made"
    assert workers.ALONE.follow("/nowhere", lambda: "made") == "made"


def _commit(path, **counts):
    writer = artifacts.SegmentWriter(str(path), kind="vocab", settings={}, made_from={})
    return writer.commit(**counts)


def _open_or_make(path, **counts):
    if artifacts.is_complete(str(path)):
        return artifacts.open_segment(str(path))
    return _commit(path, **counts)


def _follower(directory):
    """A worker beside a chief that is this process, too, and its lease."""
    return workers.Worker(1, 2, str(directory), chief=leases.holder_of(str(directory)).key)


def test_the_others_read_what_the_chief_commits(tmp_path):
    root = tmp_path / "segments"
    with artifacts.hold(str(tmp_path)):
        worker = _follower(tmp_path)
        timer = threading.Timer(0.3, lambda: [_commit(root / n, of=1) for n in ("a", "b", "c")])
        timer.start()
        made = worker.segment(lambda: 1 / 0, str(root / "a"), "vocab")
        assert made.counts == {"of": 1}

        def stage():
            return [_open_or_make(root / name, of=2).counts["of"] for name in ("b", "c")]

        assert worker.follow(str(root), stage) == [1, 1]
        timer.join()


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_chief_that_is_gone_ends_the_waiting(tmp_path, is_restarted):
    with artifacts.hold(str(tmp_path)):
        worker = _follower(tmp_path)
        worker.wait("what is there", lambda: True)
    if is_restarted:
        with artifacts.hold(str(tmp_path)), pytest.raises(types.UserError, match="has ended"):
            worker.wait("the vocabulary", lambda: False)
    with pytest.raises(types.UserError, match="Worker 1 waited for the vocabulary") as caught:
        worker.wait("the vocabulary", lambda: False)
    assert "\n" not in str(caught.value)


def test_what_the_chief_made_last_is_read_after_its_end(tmp_path):
    with artifacts.hold(str(tmp_path)):
        worker = _follower(tmp_path)
    looks = itertools.chain([False], itertools.repeat(True))
    worker.wait("its last segment", lambda: next(looks))


def test_waiting_is_told(monkeypatch, caplog):
    monkeypatch.setattr(workers, "_LINE_EVERY_SECS", 0.01)
    told, log = threading.Event(), caplog.at_level(logging.INFO, "realm_tf")
    with log, workers.logged_wait("the vectors"):
        monkeypatch.setattr(logging.Logger, "info", lambda *_: told.set())
        assert told.wait(5)
