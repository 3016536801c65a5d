# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Interrupts of the processes that tests start, and their ends."""

import signal


def take() -> None:
    """To run in a process first: it takes interrupts, as what is started in a terminal does.

    A shell has what it starts in the background ignore them, and so the tests, and their processes.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, even if its parent has not asked how."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
