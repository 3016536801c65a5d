# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The retrievers of the snapshots that batches are made from."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Collection
from concurrent import futures

from realm_tf.retrieval import retriever as retriever_lib
from realm_tf.retrieval import snapshots

Open = Callable[[snapshots.Version], contextlib.AbstractContextManager[retriever_lib.Retriever]]


class Retrievers:
    """Opens the retriever of a snapshot once, however many threads ask for it.

    Args:
      open_snapshot: Opens that of a snapshot, which is not deleted until it is let go of.
    """

    def __init__(self, open_snapshot: Open):
        self._open_snapshot = open_snapshot
        self._lock = threading.Lock()
        self._opened: dict[snapshots.Version, futures.Future[retriever_lib.Retriever]] = {}
        self._held: dict[snapshots.Version, contextlib.ExitStack] = {}
        # What is there by now stays as long as the training: a collection at a swap that goes
        # through all of it holds up a step for 0.3 s.
        gc.freeze()

    def get(self, version: snapshots.Version) -> retriever_lib.Retriever:
        """The retriever of a snapshot; others wait while one thread opens it."""
        with self._lock:
            is_first = version not in self._opened
            if is_first:
                self._opened[version] = futures.Future()
                self._held[version] = contextlib.ExitStack()
            found, held = self._opened[version], self._held[version]
        if is_first:
            try:
                found.set_result(held.enter_context(self._open_snapshot(version)))
            except BaseException as error:  # noqa: BLE001  Every caller gets it.
                with self._lock:
                    del self._opened[version], self._held[version]
                found.set_exception(error)
        return found.result()

    def keep(self, versions: Collection[snapshots.Version]) -> None:
        """Lets go of all others, and frees their memory at once.

        TensorFlow's functions are in reference cycles, so Python would keep an old index until its
        next full collection, which may be many swaps away.
        """
        with self._lock:
            dropped = self._opened.keys() - set(versions)
            held = [self._held.pop(version) for version in dropped]
            for version in dropped:
                del self._opened[version]
        for stack in held:
            stack.close()
        if dropped:
            del held
            gc.collect()

    def close(self) -> None:
        """Lets go of all of them."""
        gc.unfreeze()
        self.keep(())
