# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs requests together: rows that wait at the same time become one batch."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import dataclasses
import time
from collections.abc import Hashable, Sequence

import numpy as np

from serving.server import calls, failures, limits, metrics


@dataclasses.dataclass(eq=False)
class _Waiting:
    """A call that waits for a batch; times are of the loop's clock."""

    call: calls.Call
    rows: int
    deadline: float
    since: float
    future: asyncio.Future[dict[str, np.ndarray]]


class Batcher:
    """A bounded queue, and the threads that empty it.

    Its methods are for the thread of the event loop alone.

    Args:
      limit: Sizes of batches and of the queue.
      figures: Where batches are counted.
    """

    def __init__(self, limit: limits.Limits, figures: metrics.Metrics):
        self._limits, self._figures = limit, figures
        self._groups: dict[Hashable, collections.deque[_Waiting]] = {}
        self._rows = 0
        self._changed = asyncio.Event()
        self._collecting = asyncio.Lock()
        self._threads = concurrent.futures.ThreadPoolExecutor(limit.batch_threads, "batch")
        self._workers = [asyncio.create_task(self._work()) for _ in range(limit.batch_threads)]

    async def close(self) -> None:
        """Ends the threads, after the batches that run; what waits is cancelled."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for group in self._groups.values():
            for waiting in group:
                waiting.future.cancel()
        await asyncio.to_thread(self._threads.shutdown)

    async def run(self, call: calls.Call, deadline: float) -> dict[str, np.ndarray]:
        """Runs a call, and returns its outputs.

        Args:
          call: Checked request.
          deadline: Time of the event loop after which nobody waits for the answer; a call that has
            not begun by then is not run.

        Raises:
          RequestError: If the queue is full, the deadline passes, or the model refuses the request.
        """
        if self._rows + call.rows > self._limits.max_queue_rows:
            raise failures.too_many(
                f"The server is overloaded: {self._rows} of {self._limits.max_queue_rows} places"
                " of its queue are taken. Try again later."
            )
        waiting = [self._add(part, deadline) for part in call.parts(self._limits.max_batch_size)]
        try:
            async with asyncio.timeout_at(deadline):
                return calls.joined(await asyncio.gather(*(one.future for one in waiting)))
        except TimeoutError as error:
            raise failures.expired() from error
        finally:
            for one in waiting:
                one.future.cancel()  # of a request that was given up: it leaves the queue unrun

    def _add(self, call: calls.Call, deadline: float) -> _Waiting:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(call, call.rows, deadline, loop.time(), loop.create_future())
        self._groups.setdefault(call.key(), collections.deque()).append(waiting)
        self._count(waiting.rows)
        self._changed.set()
        return waiting

    def _count(self, rows: int) -> None:
        self._rows += rows
        self._figures.queue_rows.set(self._rows)

    async def _work(self) -> None:
        while True:
            await self._run_next()

    async def _run_next(self) -> None:
        # A function of its own, because its variables would keep a version in memory that was
        # replaced, until the next batch comes.
        async with self._collecting:
            batch = self._take(await self._oldest_key())
        if batch:
            loop = asyncio.get_running_loop()
            outcomes = await loop.run_in_executor(self._threads, self._run, batch)
            for waiting, outcome in zip(batch, outcomes, strict=True):
                _settle(waiting.future, outcome)

    async def _oldest_key(self) -> Hashable:
        """The key of the oldest call, when its batch is full or has waited long enough."""
        loop = asyncio.get_running_loop()
        while not self._groups:
            await self._change()
        key = min(self._groups, key=lambda k: self._groups[k][0].since)
        end = self._groups[key][0].since + self._limits.max_batch_delay_ms / 1e3
        while sum(w.rows for w in self._groups[key]) < self._limits.max_batch_size:
            try:
                async with asyncio.timeout_at(end):
                    await self._change()
            except TimeoutError:
                break
            if loop.time() >= end:
                break
        return key

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _take(self, key: Hashable) -> list[_Waiting]:
        """Takes a batch from the queue, without what nobody waits for any more."""
        group = self._groups[key]
        batch: list[_Waiting] = []
        rows, now = 0, asyncio.get_running_loop().time()
        while group and (not batch or rows + group[0].rows <= self._limits.max_batch_size):
            waiting = group.popleft()
            self._count(-waiting.rows)
            if not waiting.future.done() and now < waiting.deadline:
                batch.append(waiting)
                rows += waiting.rows
        if not group:
            del self._groups[key]
        return batch

    def _run(self, batch: Sequence[_Waiting]) -> list[calls.Outcome]:
        start = time.monotonic()
        outcomes = calls.run_together([waiting.call for waiting in batch])
        self._figures.count_batch(
            signature=batch[0].call.signature.name,
            rows=sum(waiting.rows for waiting in batch),
            secs=time.monotonic() - start,
        )
        return outcomes


def _settle(future: asyncio.Future, outcome: calls.Outcome) -> None:
    if future.done():
        return
    if isinstance(outcome, failures.RequestError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
