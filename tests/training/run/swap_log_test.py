# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which snapshot a batch is made from, before and after a restart."""

import json

import pytest

from realm_tf import artifacts
from realm_tf.training.run import swap_log


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "swaps.json")


def _scheduled(path) -> swap_log.SwapLog:
    log = swap_log.SwapLog(path)
    log.schedule(batch_index=14, snapshot_step=10, decided_at=10)
    log.schedule(batch_index=24, snapshot_step=20, decided_at=20)
    log.schedule(batch_index=34, snapshot_step=30, decided_at=30)
    return log


def test_snapshot_takes_effect_at_its_batch(path):
    log = _scheduled(path)
    found = [log.snapshot_at(i).step for i in (0, 13, 14, 23, 24, 33, 34, 1000)]
    assert found == [0, 0, 10, 10, 20, 20, 30, 30]


def test_initial_snapshot(path):
    assert swap_log.SwapLog(path, initial=7).snapshot_at(0) == (7, 0)


def test_schedule_is_on_disk(path):
    _scheduled(path)
    again = swap_log.SwapLog(path)
    assert [again.snapshot_at(i).step for i in (13, 14, 24, 34)] == [0, 10, 20, 30]


@pytest.mark.parametrize(
    ("step", "expected"),
    [(9, [0, 0, 0, 0]), (10, [0, 10, 10, 10]), (25, [0, 10, 20, 20]), (30, [0, 10, 20, 30])],
)
def test_rewind_forgets_what_was_decided_later(path, step, expected):
    log = _scheduled(path)
    assert log.newest == (30, 0)
    log.rewind(step)
    assert log.newest.step == expected[-1]
    for seen in (log, swap_log.SwapLog(path)):
        assert [seen.snapshot_at(i).step for i in (13, 14, 24, 34)] == expected


def test_run_decides_again_after_rewind(path):
    log = _scheduled(path)
    log.rewind(15)
    log.schedule(batch_index=22, snapshot_step=18, decided_at=18)
    assert [log.snapshot_at(i).step for i in (21, 22, 34)] == [10, 18, 18]


@pytest.mark.parametrize(
    ("batch", "expected"), [(0, {0, 10, 20, 30}), (14, {10, 20, 30}), (30, {20, 30}), (34, {30})]
)
def test_what_is_in_use_is_of_the_batches_to_come(path, batch, expected):
    assert _scheduled(path).in_use(batch) == {(step, 0) for step in expected}


def test_documents_are_part_of_a_snapshot(path):
    log = _scheduled(path)
    log.schedule(batch_index=38, snapshot_step=30, decided_at=34, revision=2)
    for seen in (log, swap_log.SwapLog(path)):
        assert [seen.snapshot_at(i) for i in (37, 38)] == [(30, 0), (30, 2)]
        assert seen.in_use(37) == {(30, 0), (30, 2)}
        assert seen.newest == (30, 2)


def test_a_log_from_before_documents_changed_is_read(path):
    artifacts.write_text(
        path, json.dumps([{"batch_index": 0, "snapshot_step": 5, "decided_at": 0}])
    )
    assert swap_log.SwapLog(path).newest == (5, 0)
