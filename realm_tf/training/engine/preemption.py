# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM in training: it is obeyed at the next border between steps, with a checkpoint."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class Requested(Exception):  # noqa: N818
    """Raised between two steps when the process was asked to end."""


@contextlib.contextmanager
def at_next_step(
    agreed: Callable[[bool], bool] = lambda requested: requested,
) -> Iterator[Callable[[], None]]:
    """Takes the first SIGTERM as a request; a second one does what it did before.

    So does the first in the end, if no step came after it.

    Args:
      agreed: Whether any of the workers that train together has a request, given whether this one
        has; each calls it before every step, so that all end at the same one.

    Yields:
      To be called between steps: raises `Requested` once there is a request. Handlers belong to
      the main thread; in another one, or where SIGTERM is ignored, there never is a request.
    """
    requests: list[int] = []
    told: list[int] = []
    before = signal.getsignal(signal.SIGTERM)

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        requests.append(number)
        signal.signal(signal.SIGTERM, before)

    def check() -> None:
        if agreed(bool(requests)):
            told.extend(requests)
            raise Requested

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or before in (signal.SIG_IGN, None):
        yield check
        return
    signal.signal(signal.SIGTERM, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGTERM, before)
    if requests and not told:
        signal.raise_signal(signal.SIGTERM)
