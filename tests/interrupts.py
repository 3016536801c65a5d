# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Interrupts of the processes that tests start."""

import signal


def take() -> None:
    """To run in a process first: it takes interrupts, as what is started in a terminal does.

    A shell has what it starts in the background ignore them, and so the tests, and their processes.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
