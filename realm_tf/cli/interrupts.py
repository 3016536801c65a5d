# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How a command ends at once: by Ctrl-C or SIGTERM, with one line, or when its input closes."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

EXIT_CODE = 130  # as shells have it: 128 and the number of the signal
TERMINATED = 143
_ENDED = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
_GO_ON = "Give the same command again: it goes on where it stopped."
# What Python does with them by itself: where another program has said what to do, that counts.
_DEFAULTS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextlib.contextmanager
def one_line() -> Iterator[None]:
    """Ends the process at once when it is interrupted or terminated, with one line.

    The exit code is 130 or 143. It is safe to end it anywhere, as every command is to survive a
    kill; a training takes SIGTERM over, and saves first. A `KeyboardInterrupt` would go through the
    threads and processes of Beam and the traces of TensorFlow, each of which reports it in its own
    way, with hundreds of lines.
    """
    is_main = threading.current_thread() is threading.main_thread()
    ours = [n for n, default in _DEFAULTS.items() if is_main and signal.getsignal(n) is default]
    for number in ours:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _DEFAULTS[number])


def end_when_input_closes() -> None:
    """Ends this command, and processes that it has started, when its standard input closes.

    It does when the process at the other end of the pipe ends, in whatever way.
    """

    def wait() -> None:
        while os.read(0, 4096):
            pass
        _kill_descendants()
        os._exit(0)

    threading.Thread(target=wait, name="parent", daemon=True).start()


def _end(number: int, frame: FrameType | None) -> None:
    del frame
    end(f"{_ENDED[signal.Signals(number)]}. {_GO_ON}", 128 + number)


def end(line: str, code: int) -> NoReturn:
    """Ends an interrupted command and its workers at once; the line is its last word."""
    start = "\n" if os.isatty(2) else ""  # below the line of a progress bar
    os.write(2, f"{start}realm: {line}\n".encode())  # sys.stderr may be in the midst of a line
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # that was the last word
    _kill_descendants()  # workers; they would complain of the lost connection
    os._exit(code)


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
