# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A retriever is opened once for all threads, and forgotten at once."""

import contextlib
import gc
import threading
import time
import weakref
from concurrent import futures

import pytest

from realm_tf.training.run import retrievers


class _Opened:
    """In a cycle with itself, as TensorFlow's functions are."""

    def __init__(self):
        self.itself = self


class _Snapshots:
    """Opens snapshots, and knows which are held."""

    def __init__(self):
        self.opened, self.held = [], set()

    @contextlib.contextmanager
    def __call__(self, step):
        self.opened.append(step)
        self.held.add(step)
        time.sleep(0.05)
        try:
            yield _Opened()
        finally:
            self.held.remove(step)


def test_many_threads_open_it_once():
    opening = _Snapshots()
    found = retrievers.Retrievers(opening)
    start = threading.Barrier(4)

    def get(step):
        start.wait()
        return found.get(step)

    with futures.ThreadPoolExecutor(4) as pool:
        first = list(pool.map(get, [3, 3, 7, 7]))
    assert sorted(opening.opened) == [3, 7]
    assert first[0] is first[1] is found.get(3)
    assert first[2] is first[3] is not first[0]


def test_what_is_not_kept_is_freed_at_once():
    found = retrievers.Retrievers(_Snapshots())
    old, new = (weakref.ref(found.get(step)) for step in (1, 2))
    found.keep({2})
    assert old() is None
    assert new() is found.get(2)


def test_a_snapshot_is_held_as_long_as_it_is_kept():
    opening = _Snapshots()
    found = retrievers.Retrievers(opening)
    found.get(1), found.get(2)
    assert opening.held == {1, 2}
    found.keep({2})
    assert opening.held == {2}
    found.close()
    assert opening.held == set()


def test_error_is_raised_and_it_is_tried_again():
    errors, left = [OSError("busy")], []

    @contextlib.contextmanager
    def open_step(step):
        try:
            if errors:
                raise errors.pop()
            yield step
        finally:
            left.append(step)

    found = retrievers.Retrievers(open_step)
    with pytest.raises(OSError, match="busy"):
        found.get(1)
    assert left == [1]
    assert found.get(1) == 1
    assert left == [1]


def test_swap_goes_through_nothing_that_was_there_before():
    before = gc.get_freeze_count()
    found = retrievers.Retrievers(_Snapshots())
    assert gc.get_freeze_count() > before
    opened = weakref.ref(found.get(1))
    found.close()
    assert gc.get_freeze_count() == 0
    assert opened() is None
