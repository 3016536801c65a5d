# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A worker beside the chief takes up what the chief has taken up, and writes nothing."""

import dataclasses
import os
import types

import pytest

from realm_tf.training.engine import workers
from realm_tf.training.run import followed_refreshing, refresh_modes
from tests.training import runs


class Follower(workers.Worker):
    """Another worker; the chief, which is not there, has taken up `newest`."""

    newest = 0

    def chiefs(self, value, what):
        return float(self.newest)


@pytest.fixture
def follower(tmp_path):
    worker = Follower(1, 2)
    context = runs.make_context(tmp_path, runs.make_config("pretrain.refresh.every_steps=2"))
    context = dataclasses.replace(context, worker=worker)
    waited: list[int] = []
    refresher = types.SimpleNamespace(
        restore=waited.append,
        load=lambda step: types.SimpleNamespace(settings={"exported": 0.0}),
    )
    directory = str(tmp_path / "joint")
    made = refresh_modes.make(
        context, directory, refresher, None, results=(), command=["a", "refresher"]
    )
    assert isinstance(made, followed_refreshing.FollowedRefreshing)
    return made, waited, directory


def test_a_follower_swaps_where_the_chief_does_and_writes_nothing(follower, monkeypatch):
    made, waited, directory = follower
    depth = made._depth
    made.start(0)
    assert waited == [0]
    for index, newest in ((0, 0), (1, 0), (2, 2), (3, 2)):
        monkeypatch.setattr(Follower, "newest", newest)
        made.refresh(index)
        made.before_batch(index)
        assert made.after_loop(index) == {}
    assert waited == [0, 2]
    assert [made._swaps.snapshot_at(2 + depth - 1), made._swaps.snapshot_at(2 + depth)] == [0, 2]
    made.close()
    made.finish()
    assert not os.path.exists(directory)
