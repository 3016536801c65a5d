# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches ahead of the device: a pure function of the batch index, run in threads.

The position in the data is the step, so nothing about the input is checkpointed. A change that is
to take effect at batch `step + depth` or later, decided when `step` steps are done, meets no batch
that was made already.
"""

from __future__ import annotations

import collections
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent import futures
from typing import Any


class BatchStream:
    """An endless, ordered stream of batches.

    Args:
      make_batch: Index to batch; called from threads.
      first: Gives the index to start at, when iteration starts (after a restore).
      depth: Batches that are made or in the making ahead of the consumer.
      threads: Threads that make them.
      limit: One past the last index, or None.
      before: Called in the consumer's thread with an index, before its batch is taken and before
        batch index + depth - 1 is begun (but for the first ones, which are begun at once).
    """

    def __init__(
        self,
        make_batch: Callable[[int], Any],
        *,
        first: Callable[[], int] = lambda: 0,
        depth: int = 4,
        threads: int = 1,
        limit: int | None = None,
        before: Callable[[int], None] = lambda _: None,
    ):
        if depth < 1 or threads < 1:
            raise ValueError(f"depth and threads must be >= 1. Received: {depth}, {threads}.")
        self._make_batch = make_batch
        self._first = first
        self.depth = depth
        self._threads = threads
        self._limit = limit
        self._before = before
        # Weak, so that an iterator that nobody holds ends at once.
        self._newest: weakref.ref[Generator[Any, None, None]] | None = None

    def __iter__(self) -> Iterator[Any]:
        """Yields batches in order; an error in a thread is raised here."""
        batches = self._generate()
        self._newest = weakref.ref(batches)
        return batches

    def close(self) -> None:
        """Ends the threads of the newest iterator, and the iterator with them."""
        batches = self._newest() if self._newest else None
        if batches is not None:
            batches.close()

    def _generate(self) -> Generator[Any, None, None]:
        index = self._first()
        pool = futures.ThreadPoolExecutor(self._threads, thread_name_prefix="batches")
        pending: collections.deque[futures.Future] = collections.deque()
        try:
            while True:
                if self._limit is None or index - len(pending) < self._limit:
                    self._before(index - len(pending))
                while len(pending) < self.depth and (self._limit is None or index < self._limit):
                    pending.append(pool.submit(self._make_batch, index))
                    index += 1
                if not pending:
                    return
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
