# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finished batches for loops of steps that run on the device: a `BatchStream` behind tf.data.

tf.data works ahead as far as its buffers go, which differs by device and strategy. A gate holds it
at the end of a loop: there the stream is exactly as far ahead as it is where every step returns to
the host, and what is decided between two loops meets no batch that was begun already.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.training.engine import batch_stream, distribution, strategies

# Making a batch holds a thread; none of those that the steps need.
_OWN_THREADS = 2


class DeviceFeed:
    """A distributed data set of finished batches that all have the same shapes.

    Args:
      stream: This worker's parts of the global batches.
      strategy: It has the replicas; their devices get the batches ahead of the steps.
      device_part: A replica's part of a batch to what its device gets.
    """

    def __init__(
        self,
        stream: batch_stream.BatchStream,
        strategy: tf.distribute.Strategy,
        device_part: Callable[[Any], Any],
    ):
        self._stream = stream
        self._strategy = strategy
        self._device_part = device_part
        self._source: _Source | None = None

    def open(self, batches: int) -> None:
        """Lets tf.data take so many more batches."""
        if self._source is None:
            self._source = _Source(self._stream, self._split)
        self._source.gate.release(batches)

    def __iter__(self) -> Iterator[Any]:
        """A distributed iterator; the gate must be open."""
        source = self._source
        if source is None:
            raise ValueError("open() must be called before iteration starts.")
        spec = tf.nest.map_structure(_spec, source.start())

        def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
            del context  # what every replica gets follows one after the other
            parts = tf.data.Dataset.from_generator(source.parts, output_signature=spec)
            # It has no end that a loop could meet: so no step looks whether there is a batch.
            endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
            options = tf.data.Options()
            options.threading.private_threadpool_size = _OWN_THREADS
            replicas = strategies.local_replicas(self._strategy)
            return parts.apply(endless).prefetch(replicas).with_options(options)

        return iter(self._strategy.distribute_datasets_from_function(pipeline))

    def raise_error(self) -> None:
        """Raises what making a batch raised, if it did: tf.data would tell its text alone."""
        if self._source is not None and self._source.error is not None:
            raise self._source.error

    def close(self) -> None:
        """Ends the pipeline and the threads that make batches."""
        if self._source is not None:
            self._source.close()
            self._source = None

    def _split(self, batch: Any) -> list[Any]:
        return distribution.parts(self._strategy, batch, self._device_part)


class _Source:
    """What one pipeline takes its batches from, in a thread of its own.

    Attributes:
      gate: It has as many permits as batches may be taken.
      error: What making a batch raised.
    """

    def __init__(self, stream: batch_stream.BatchStream, split: Callable[[Any], list[Any]]):
        self._stream, self._split = stream, split
        self._batches: Iterator[Any] = iter(())
        self._taking = threading.Lock()
        self._is_closed = False
        self.gate = threading.Semaphore(0)
        self.error: BaseException | None = None

    def start(self) -> Any:
        """Begins to make batches; a replica's part of the first."""
        batches = iter(self._stream)
        first = next(batches)
        self._batches = itertools.chain((first,), batches)
        return self._split(first)[0]

    def parts(self) -> Iterator[Any]:
        """What the replicas get, one after the other."""
        while (parts := self._take()) is not None:
            yield from parts

    def _take(self) -> list[Any] | None:
        self.gate.acquire()
        with self._taking:
            if self._is_closed:
                return None
            try:
                return self._split(next(self._batches))
            except BaseException as error:  # noqa: BLE001  The trainer's thread raises it.
                self.error = error
                return None

    def close(self) -> None:
        """Ends the thread of the pipeline where it waits, and those of the stream."""
        self._is_closed = True
        self.gate.release()
        with self._taking:
            self._batches = iter(())
            self._stream.close()


def _spec(array: Any) -> tf.TensorSpec:
    array = np.asarray(array)
    return tf.TensorSpec(array.shape, array.dtype)
