# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A retriever is opened once for all threads, and forgotten at once."""

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


def test_many_threads_open_it_once():
    opened = []

    def open_step(step):
        opened.append(step)
        time.sleep(0.05)
        return _Opened()

    found = retrievers.Retrievers(open_step)
    start = threading.Barrier(4)

    def get(step):
        start.wait()
        return found.get(step)

    with futures.ThreadPoolExecutor(4) as pool:
        first = list(pool.map(get, [3, 3, 7, 7]))
    assert sorted(opened) == [3, 7]
    assert first[0] is first[1] is found.get(3)
    assert first[2] is first[3] is not first[0]


def test_what_is_not_kept_is_freed_at_once():
    found = retrievers.Retrievers(lambda _: _Opened())
    old, new = (weakref.ref(found.get(step)) for step in (1, 2))
    found.keep({2})
    assert old() is None
    assert new() is found.get(2)


def test_error_is_raised_and_it_is_tried_again():
    errors = [OSError("busy")]

    def open_step(step):
        if errors:
            raise errors.pop()
        return step

    found = retrievers.Retrievers(open_step)
    with pytest.raises(OSError, match="busy"):
        found.get(1)
    assert found.get(1) == 1


def test_swap_goes_through_nothing_that_was_there_before():
    before = gc.get_freeze_count()
    found = retrievers.Retrievers(lambda _: _Opened())
    assert gc.get_freeze_count() > before
    opened = weakref.ref(found.get(1))
    found.close()
    assert gc.get_freeze_count() == 0
    assert opened() is None
