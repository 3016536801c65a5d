# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches come in order, are made no further ahead than said, and end cleanly."""

import itertools
import threading

import pytest

from realm_tf.training.engine import batch_stream


def _threads():
    return [t for t in threading.enumerate() if t.name.startswith("batches")]


@pytest.mark.parametrize(("depth", "threads"), [(1, 1), (4, 1), (4, 3), (2, 5)])
def test_order(depth, threads):
    batches = batch_stream.BatchStream(lambda i: {"i": i}, depth=depth, threads=threads, limit=30)
    assert [batch["i"] for batch in batches] == list(range(30))


def test_late_batch_does_not_let_others_pass():
    second_is_made = threading.Event()

    def make(index):
        if index == 0:
            assert second_is_made.wait(timeout=30)
        if index == 1:
            second_is_made.set()
        return {"i": index}

    batches = batch_stream.BatchStream(make, depth=2, threads=2, limit=3)
    assert [batch["i"] for batch in batches] == [0, 1, 2]


def test_starts_at_first_every_time():
    step = 5
    batches = batch_stream.BatchStream(lambda i: {"i": i}, first=lambda: step)
    iterator = iter(batches)
    step = 7  # a restore, after the iterator was made
    assert [b["i"] for b in itertools.islice(iterator, 2)] == [7, 8]
    iterator.close()
    step = 100
    assert next(iter(batches))["i"] == 100


@pytest.mark.parametrize(("depth", "threads"), [(1, 1), (3, 2), (4, 4)])
def test_never_starts_a_batch_beyond_consumed_plus_depth(depth, threads):
    """So a swap that is decided after `consumed` steps meets no batch from there on."""
    consumed, faults = 0, []

    def make(index):
        if index >= consumed + depth:
            faults.append((index, consumed))
        return {"i": index}

    iterator = iter(batch_stream.BatchStream(make, depth=depth, threads=threads))
    for _ in range(50):
        next(iterator)
        consumed += 1
    iterator.close()
    assert faults == []


def test_works_ahead():
    made = [threading.Event() for _ in range(10)]

    def make(index):
        made[index].set()
        return {"i": index}

    iterator = iter(batch_stream.BatchStream(make, depth=3, limit=10))
    next(iterator)
    assert made[2].wait(timeout=30)
    assert not made[3].is_set()
    iterator.close()


def test_error_is_raised_at_its_batch():
    def make(index):
        if index == 2:
            raise KeyError("broken record")
        return {"i": index}

    iterator = iter(batch_stream.BatchStream(make, depth=4))
    assert [next(iterator)["i"], next(iterator)["i"]] == [0, 1]
    with pytest.raises(KeyError, match="broken record"):
        next(iterator)
    assert not _threads()


def test_close_ends_the_threads():
    iterator = iter(batch_stream.BatchStream(lambda i: {"i": i}, depth=4, threads=3))
    next(iterator)
    assert _threads()
    iterator.close()
    assert not _threads()


def test_limit_before_first_is_empty():
    assert list(batch_stream.BatchStream(lambda i: {}, first=lambda: 5, limit=5)) == []


@pytest.mark.parametrize("wrong", [{"depth": 0}, {"threads": 0}])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match="must be >= 1"):
        batch_stream.BatchStream(lambda i: {}, **wrong)


def test_closing_the_stream_ends_its_threads_and_its_iterator():
    batches = batch_stream.BatchStream(lambda i: {"i": i}, threads=2)
    batches.close()  # Nothing was started.
    iterator = iter(batches)
    next(iterator)
    assert _threads()
    batches.close()
    assert not _threads()
    assert list(iterator) == []
    assert next(iter(batches)) == {"i": 0}
    batches.close()


@pytest.mark.parametrize(("depth", "threads"), [(1, 1), (3, 1), (4, 3)])
def test_nothing_is_begun_that_a_decision_at_the_border_could_change(depth, threads):
    begun, seen = [], []

    def make(index):
        begun.append(index)
        return index

    def before(index):
        assert all(i < index + depth - 1 for i in begun) or not seen
        seen.append(index)

    batches = batch_stream.BatchStream(
        make, first=lambda: 2, depth=depth, threads=threads, limit=12, before=before
    )
    assert list(batches) == seen == list(range(2, 12))
