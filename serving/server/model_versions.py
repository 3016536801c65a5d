# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads the versions that appear in a directory, and unloads those that they replace.

A version takes over when it is loaded and its warm-up requests are answered; the one before it is
unloaded when its last request is answered. At most one version more than are served is in memory.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import enum
import logging
from collections.abc import Iterator, Sequence

from realm_tf import types
from serving.server import failures, memory, model_store, policy, servable

_LOGGER = logging.getLogger(__name__)
_KEPT_STATES = 20  # of versions that are not served any more


class State(enum.Enum):
    """Life of a version; the names and numbers are TF Serving's."""

    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclasses.dataclass(frozen=True)
class Status:
    """State of a version, and why it could not be loaded, if so."""

    state: State
    error: str = ""


class ModelVersions:
    """The versions of a model that are in memory.

    Its methods are for the thread of the event loop alone.

    Args:
      name: Name of the model, for messages.
      path: Directory of the versions.
      served: Which of them are served.
      store: Where the versions are, if it is not that directory alone.
    """

    def __init__(
        self, name: str, path: str, served: policy.Policy, store: model_store.Store | None = None
    ):
        self._name, self._path = name, path
        self._store = store or model_store.ModelStore(path)
        self.policy = served
        self._loaded: dict[int, servable.Servable] = {}
        self._users: collections.Counter[int] = collections.Counter()
        self._unused = asyncio.Event()
        self._status: dict[int, Status] = {}
        self._failed: dict[int, tuple] = {}
        self._refreshing = asyncio.Lock()

    def __iter__(self) -> Iterator[servable.Servable]:
        """The versions that answer, oldest first."""
        return iter([self._loaded[number] for number in sorted(self._available())])

    def __len__(self) -> int:
        return len(self._available())

    def __contains__(self, model: object) -> bool:
        return any(model is one for one in self)

    @contextlib.contextmanager
    def use(self, number: int | None = None, label: str = "") -> Iterator[servable.Servable]:
        """Yields a version, which stays in memory for as long.

        Args:
          number: Number of the version; by default the newest is taken.
          label: Label of the version, in place of its number.

        Raises:
          RequestError: If it is not served.
        """
        model = self._loaded[self._resolve(number, label)]
        self._users[model.number] += 1
        try:
            yield model
        finally:
            self._users[model.number] -= 1
            if not self._users[model.number]:
                self._unused.set()

    def statuses(self, number: int | None = None, label: str = "") -> dict[int, Status]:
        """States by number of version, newest first; of one version, or of all that are known.

        Raises:
          RequestError: If that version is not known.
        """
        if label:
            number = self._resolve(None, label)
        if number is None:
            return {n: self._status[n] for n in sorted(self._status, reverse=True)}
        if number not in self._status:
            raise failures.not_found(f"Version {number} of model {self._name!r} is not known.")
        return {number: self._status[number]}

    async def reconfigure(self, served: policy.Policy) -> None:
        """Serves other versions or labels from now on.

        Raises:
          RequestError: If a version with a label cannot be loaded; then nothing has changed.
        """
        before, self.policy = self.policy, served
        await self.refresh()
        for label, number in served.labels.items():
            if number not in self._available():
                self.policy = before
                await self.refresh()
                raise failures.invalid(
                    f"Label {label!r} is of version {number}, which cannot be served."
                )

    async def watch(self, poll_secs: float) -> None:
        """Follows the directory until it is cancelled."""
        while True:
            await asyncio.sleep(poll_secs)
            try:
                await self.refresh()
            except (OSError, types.UserError) as error:
                _LOGGER.warning("%s cannot be read: %s. It is tried again.", self._path, error)

    async def refresh(self) -> None:
        """Loads what is wanted and there, then unloads what is not wanted any more."""
        async with self._refreshing:
            there = await asyncio.to_thread(self._store.numbers)
            wanted = set(self.policy.labels.values()).intersection(there)
            candidates, count = self.policy.candidates(there)
            good: set[int] = set()
            for number in [*candidates, *wanted]:
                if (number in wanted or len(good) < count) and await self._ensure(number):
                    good.add(number)
                    await self._unload_all_but(good | wanted, count + len(wanted))
            if good:  # otherwise what there is stays: an old answer is better than none
                await self._unload_all_but(good, len(good))
            self._forget(there)

    async def close(self) -> None:
        """Unloads all versions, when their last requests are answered."""
        async with self._refreshing:
            for number in sorted(self._available()):
                await self._unload(number)

    def _available(self) -> set[int]:
        return {n for n in sorted(self._loaded) if self._status[n].state is State.AVAILABLE}

    def _resolve(self, number: int | None, label: str) -> int:
        available = self._available()
        if label:
            number = self.policy.labels.get(label)
            if number is None:
                raise failures.not_found(f"Model {self._name!r} has no label {label!r}.")
        if not available:
            raise failures.unavailable(f"Model {self._name!r} is not loaded yet.")
        if number is None:
            return max(available)
        if number not in available:
            raise failures.not_found(
                f"Version {number} of model {self._name!r} is not served. Served:"
                f" {', '.join(map(str, sorted(available)))}."
            )
        return number

    async def _ensure(self, number: int) -> bool:
        """Loads a version that is not there yet, and says whether it answers."""
        if number in self._loaded:
            return True
        stamp = await asyncio.to_thread(self._store.stamp, number)
        if self._failed.get(number) == stamp:
            return False
        self._status[number] = Status(State.LOADING)
        try:
            self._loaded[number] = await asyncio.to_thread(self._store.load, number)
        except (types.UserError, OSError) as error:
            self._failed[number] = stamp
            self._status[number] = Status(State.END, str(error))
            _LOGGER.error("Version %d is not served: %s", number, error)
            return False
        self._failed.pop(number, None)
        self._status[number] = Status(State.AVAILABLE)
        _LOGGER.info("Version %d of %s is available.", number, self._name)
        return True

    async def _unload_all_but(self, kept: set[int], count: int) -> None:
        """Unloads the oldest versions that are not to be kept, until `count` are in memory."""
        surplus = max(0, len(self._loaded) - count)
        for number in sorted(self._available() - kept)[:surplus]:
            await self._unload(number)

    async def _unload(self, number: int) -> None:
        self._status[number] = Status(State.UNLOADING)
        while self._users[number]:
            self._unused.clear()
            await self._unused.wait()
        await asyncio.to_thread(self._loaded[number].close)
        del self._loaded[number], self._users[number]
        await asyncio.to_thread(memory.release)
        self._status[number] = Status(State.END)
        _LOGGER.info("Version %d of %s is unloaded.", number, self._name)

    def _forget(self, there: Sequence[int]) -> None:
        """Forgets old versions, so that a server that runs for long does not grow."""
        for number in [n for n in self._failed if n not in there]:
            del self._failed[number]
        ended = sorted(n for n, status in self._status.items() if status.state is State.END)
        for number in ended[:-_KEPT_STATES]:
            del self._status[number]
