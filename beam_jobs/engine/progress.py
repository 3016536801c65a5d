# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How far a step is: a bar on a terminal, and elsewhere a line a minute.

Items may run in other processes and on other machines. So an item that takes long notes now and
then, in a small file beside its result, which part of it is done; the launcher reads the notes.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

import tqdm

NOTE_EVERY_SECS = 5.0
LINE_EVERY_SECS = 60.0

_BAR_EVERY_SECS = 2.0
_BAR = "{l_bar}{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"

_LOGGER = logging.getLogger(__name__)


class ItemProgress:
    """The progress of a work item, which it notes while it works, seldom enough to cost nothing.

    Args:
      write: Function that writes the part of the item that is done, from 0 to 1.
    """

    def __init__(self, write: Callable[[float], None]):
        self._write = write
        self._last = time.monotonic()

    def __call__(self, done: float, total: float) -> None:
        """Notes that `done` of `total` is done; most calls do nothing."""
        if total > 0 and time.monotonic() - self._last >= NOTE_EVERY_SECS:
            self._write(min(1.0, done / total))
            self._last = time.monotonic()


@contextlib.contextmanager
def shown(name: str, total: int, done: Callable[[], float]) -> Iterator[None]:
    """Shows how far a step is while the block runs.

    Args:
      name: Name of the step.
      total: Number of its items.
      done: Function that counts the items that are done, and the parts of those in work.
    """
    before = done()
    bar = tqdm.tqdm(total=total, initial=before, desc=name, disable=None, bar_format=_BAR)
    stopped = threading.Event()
    target = _log if bar.disable else lambda *args: _draw(bar, *args[2:])
    thread = threading.Thread(
        target=target, args=(name, total, done, stopped), name="progress", daemon=True
    )
    with bar:
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()


def _draw(bar: tqdm.tqdm, done: Callable[[], float], stopped: threading.Event) -> None:
    last = False
    while not last:
        last = stopped.wait(_BAR_EVERY_SECS)
        bar.n = done()
        bar.refresh()


def _log(name: str, total: int, done: Callable[[], float], stopped: threading.Event) -> None:
    started, before = time.monotonic(), done()
    while not stopped.wait(LINE_EVERY_SECS):
        _LOGGER.info("%s", _line(name, total, before, done(), time.monotonic() - started))


def _line(name: str, total: int, before: float, now: float, seconds: float) -> str:
    """The line that tells how far a step is, and how long it will take if it goes on like this."""
    told = f"{name}: {now:.1f} of {total} items done"
    if now > before:
        minutes = seconds / (now - before) * (total - now) / 60
        return f"{told}, about {minutes:.0f} min to go"
    return told
