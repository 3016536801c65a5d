# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Workers: processes that train together, each on its part of every batch.

All of them run the same command. The first, the chief, alone writes what stays: segments, snapshots
and reports. The others train with it and otherwise wait for what it commits, and read that. What
is to be decided from figures, the chief decides for all.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import leases
from realm_tf.training.engine import strategies

_LINE_EVERY_SECS = 60.0
_LOOK_EVERY_SECS = 0.2
# What a collective raises when a process that takes part in it has ended.
_GONE = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Worker:
    """This process among those that train together; by default it is alone, and the chief.

    Attributes:
      index: Number of the worker; the chief's is 0.
      count: How many there are.
      directory: Directory whose lease the chief holds as long as it works.
      strategy: Strategy that joins the workers; None if there is one alone.
      chief: Key of the chief's lease.
    """

    index: int = 0
    count: int = 1
    directory: str = ""
    strategy: tf.distribute.Strategy | None = None
    chief: str = ""

    @property
    def is_chief(self) -> bool:
        """Whether this process writes what the others read."""
        return self.index == 0

    def chiefs(self, value: float, what: str) -> float:
        """The chief's value, in every worker; each calls it, and waits for the others.

        Args:
          value: The number; that of any other worker than the chief does not matter.
          what: What the others wait for, as a line of the log says.
        """
        return self._sum(value if self.is_chief else 0.0, what)

    def any(self, is_so: bool) -> bool:
        """Whether something is so in any worker; each calls it, and waits for the others."""
        return self._sum(float(is_so), "the other workers") > 0

    def _sum(self, value: float, what: str) -> float:
        if self.strategy is None:
            return value
        with logged_wait(what):
            return float(_sum_over_workers(self.strategy)(tf.constant(value, tf.float64)))

    def wait(self, what: str, is_there: Callable[[], bool]) -> None:
        """Waits until the chief has made something.

        Args:
          what: Name of what is waited for, for people.
          is_there: Tells whether it is made.

        Raises:
          UserError: If the chief ended without having made it.
        """
        with logged_wait(what):
            while not is_there():
                holder = leases.holder_of(self.directory)
                if (holder is None or holder.key != self.chief) and not is_there():
                    raise types.UserError(
                        f"Worker {self.index} waited for {what}, but the chief has ended without"
                        " it: see the last line of the chief. Then give the same command again on"
                        " all workers; it goes on where it stopped."
                    )
                time.sleep(_LOOK_EVERY_SECS)

    def segment(
        self, make: Callable[[], artifacts.Segment], path: str, kind: str
    ) -> artifacts.Segment:
        """A segment that the chief makes and the others read.

        Args:
          make: Makes it.
          path: Directory of the segment.
          kind: Kind of the segment.
        """
        if self.is_chief:
            return make()
        self.wait(path, lambda: artifacts.is_complete(path))
        return artifacts.open_segment(path, kind)

    def follow(self, root: str, make: Callable[[], _T]) -> _T:
        """What a stage makes of data alone: the chief makes it, the others open what it made.

        Args:
          root: Directory of segments.
          make: Opens the segments of the stage, or makes them. What it makes it looks for first.
        """
        if self.is_chief:
            return make()
        while True:
            try:
                with artifacts.nothing_is_made(root):
                    return make()
            except artifacts.NotMadeError as missing:
                path = str(missing)
                self.wait(path, functools.partial(artifacts.is_complete, path))

    def rows(self, size: int) -> slice:
        """This worker's rows of a global batch of `size` rows, which is a multiple of `count`."""
        part = size // self.count
        return slice(self.index * part, (self.index + 1) * part)

    def part(self, batch: Any) -> Any:
        """This worker's rows of every array of a global batch."""
        if self.count == 1:
            return batch
        return tf.nest.map_structure(lambda array: array[self.rows(len(array))], batch)


ALONE = Worker()


@contextlib.contextmanager
def at_work(
    directory: str,
    runtime: config_lib.RuntimeConfig,
    prepare: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Worker, Callable[[], None]]]:
    """Begins and ends a command that trains: before any other op runs, the strategy is made.

    Args:
      directory: Directory in which the chief, and no other process, works meanwhile.
      runtime: Configuration of the devices.
      prepare: What the chief does before the others begin.

    Yields:
      Which of the workers this process is, and what is called before every stage: it may end the
      command.

    Raises:
      UserError: If another process works in the directory, it cannot be made or written, TF_CONFIG
        is wrong, the devices or the other workers are not found, or another worker has ended.
    """
    index, count = _place(runtime)
    with contextlib.ExitStack() as stack:
        lease = stack.enter_context(artifacts.hold(directory)) if index == 0 else None
        stack.enter_context(artifacts.storage_errors())
        if lease is not None:
            prepare()
        worker = stack.enter_context(_joined(runtime, directory, index, count))
        yield worker, lease.check if lease is not None else _go_on


def _go_on() -> None:
    """What a worker without a lease checks."""


@contextlib.contextmanager
def _joined(
    runtime: config_lib.RuntimeConfig, directory: str, index: int, count: int
) -> Iterator[Worker]:
    if count == 1:
        strategies.make_strategy(runtime)
        yield ALONE
        return
    with _while_all_live(index), logged_wait("all workers of TF_CONFIG to start"):
        strategy = strategies.make_strategy(runtime)
    worker = Worker(index, count, directory, strategy)
    with _while_all_live(index):
        worker.chiefs(0.0, "the chief to start")
        holder = leases.holder_of(directory)
        yield dataclasses.replace(worker, chief=holder.key if holder else "")
        worker.chiefs(0.0, "the other workers to end")


@contextlib.contextmanager
def logged_wait(what: str) -> Iterator[None]:
    """Logs once a minute, as long as the block runs, what a worker waits for."""
    ended, started = threading.Event(), time.monotonic()

    def tell() -> None:
        while not ended.wait(_LINE_EVERY_SECS):
            _LOGGER.info("waiting for %s, %.0f s so far", what, time.monotonic() - started)

    threading.Thread(target=tell, name="waiting", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


@contextlib.contextmanager
def _while_all_live(index: int) -> Iterator[None]:
    """Makes one line of what a collective raises when another worker has ended."""
    try:
        yield
    except _GONE as error:
        raise types.UserError(
            f"Worker {index} stops, because another worker has ended: see the last line of each."
            " Then give the same command again on all workers; it goes on where it stopped."
        ) from error


@functools.cache
def _sum_over_workers(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], tf.Tensor]:
    """Sums a number over the first replicas of all workers."""

    def of_replica(value: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(
            context.replica_id_in_sync_group % strategies.local_replicas(strategy), 0
        )
        own = tf.where(is_first, value, tf.zeros_like(value))
        return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

    @tf.function(input_signature=[tf.TensorSpec([], tf.float64)])
    def total(value: tf.Tensor) -> tf.Tensor:
        summed = strategy.run(of_replica, args=(value,))
        return strategy.experimental_local_results(summed)[0]

    return total


def _place(runtime: config_lib.RuntimeConfig) -> tuple[int, int]:
    """Number of this process among the workers, and how many they are, by TF_CONFIG."""
    text = os.environ.get("TF_CONFIG", "")
    if runtime.strategy != "multi_worker_mirrored":
        return 0, 1
    if not text:
        _LOGGER.warning(
            "TF_CONFIG is not set: runtime.strategy multi_worker_mirrored trains on this machine"
            " alone"
        )
        return 0, 1
    try:
        return _parse(json.loads(text))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise types.UserError(
            f"TF_CONFIG does not say which worker this is ({type(error).__name__}: {error})."
            ' It must be like {"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task":'
            f' {{"type": "worker", "index": 0}}}}. Received: {text[:200]}'
        ) from error


def _parse(config: Any) -> tuple[int, int]:
    cluster, task = config["cluster"], config["task"]
    if other := set(cluster) - {"chief", "worker"}:
        raise ValueError(f"it names a {min(other)}, but all are to be workers")
    kind, number = task["type"], int(task["index"])
    chiefs, others = len(cluster.get("chief", ())), len(cluster.get("worker", ()))
    if not 0 <= number < len(cluster[kind]):
        raise IndexError(f"there is no {kind} {number}")
    return number + (chiefs if kind == "worker" else 0), chiefs + others
