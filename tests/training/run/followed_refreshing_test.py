# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A worker beside the chief takes up what the chief has taken up, and writes nothing."""

import dataclasses
import json
import os
import types

from realm_tf.training.engine import workers
from realm_tf.training.run import followed_refreshing, refresh_modes, replayed_refreshing
from tests.training import runs


class Follower(workers.Worker):
    """Another worker; the chief, which is not there, has taken up `newest`."""

    newest = 0

    def chiefs(self, value, what):
        return float(self.newest << 20)


def _follower(root, *overrides):
    worker = Follower(1, 2)
    config = runs.make_config("pretrain.refresh.every_steps=2", *overrides)
    context = runs.make_context(root, config)
    context = dataclasses.replace(context, worker=worker)
    waited: list[int] = []
    refresher = types.SimpleNamespace(
        restore=lambda *version: waited.append(version[0]),
        load=lambda step: types.SimpleNamespace(settings={"exported": 0.0}),
    )
    directory = str(root / "joint")
    made = refresh_modes.make(
        context, directory, refresher, None, results=(), command=["a", "refresher"]
    )
    assert isinstance(made, followed_refreshing.FollowedRefreshing)
    return made, waited, directory


def test_a_follower_swaps_where_the_chief_does_and_writes_nothing(tmp_path, monkeypatch):
    made, waited, directory = _follower(tmp_path)
    assert not isinstance(made, replayed_refreshing.FollowedReplay)
    depth = made._depth
    made.start(0)
    assert waited == [0]
    for index, newest in ((0, 0), (1, 0), (2, 2), (3, 2)):
        monkeypatch.setattr(Follower, "newest", newest)
        made.refresh(index)
        made.before_batch(index)
        assert made.after_loop(index) == {}
    assert waited == [0, 2]
    assert [made._swaps.snapshot_at(2 + depth - i).step for i in (1, 0)] == [0, 2]
    made.close()
    made.finish()
    assert not os.path.exists(directory)


def test_a_follower_replays_the_log_that_the_chief_replays(tmp_path, monkeypatch):
    log = [{"batch_index": b, "snapshot_step": s, "decided_at": s} for b, s in ((0, 0), (5, 2))]
    (tmp_path / "swaps.json").write_text(json.dumps(log))
    made, waited, directory = _follower(
        tmp_path, f"pretrain.refresh.replay_swaps={tmp_path}/swaps.json"
    )
    assert isinstance(made, replayed_refreshing.FollowedReplay)
    made.start(0)
    for index in range(5):
        monkeypatch.setattr(Follower, "newest", 2 if index >= 5 - made._depth else 0)
        made.before_batch(index)
    assert waited == [0, 2]
    assert [made._swaps.snapshot_at(i).step for i in (4, 5)] == [0, 2]
    made.close()
    assert not os.path.exists(directory)
