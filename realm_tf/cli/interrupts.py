# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C: one line, and the command is gone."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

EXIT_CODE = 130  # as shells have it: 128 and the number of the signal
_LINE = "realm: interrupted. Give the same command again: it goes on where it stopped.\n"


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Ends the process at once when it is interrupted, with one line and exit code 130.

    It is safe to end it anywhere, as every command is to survive a kill. A `KeyboardInterrupt`
    would go through the threads and processes of Beam and the traces of TensorFlow, each of which
    reports it in its own way, with hundreds of lines.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # somebody else decides what an interrupt does, e.g. the shell of a background job
        return
    signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def end_when_input_closes() -> None:
    """Ends this process, and those that it has started, when its standard input closes.

    It does when the process at the other end of the pipe ends, in whatever way.
    """

    def wait() -> None:
        while os.read(0, 4096):
            pass
        _kill_descendants()
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    start = "\n" if os.isatty(2) else ""  # below the line of a progress bar
    os.write(2, f"{start}{_LINE}".encode())  # sys.stderr may be in the midst of a line
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # that was the last word
    _kill_descendants()  # workers; they would complain of the lost connection
    os._exit(EXIT_CODE)


def _kill_descendants() -> None:
    for pid in _descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have; on Linux alone."""
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, path.read_text().split()):
                yield child
                yield from _descendants(child)
