# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Memory that is free goes back to the system."""

import gc

import numpy as np

from serving.server import memory

PIECE = 100_000  # bytes: so few that the C library takes them from its heap
NUM_PIECES = 2_000


def _resident() -> int:
    """Bytes that are this process's alone."""
    with open("/proc/self/status", encoding="utf-8") as f:
        (line,) = (line for line in f if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


def test_free_memory_below_what_is_used_is_returned():
    pieces = [np.ones(PIECE, np.uint8) for _ in range(NUM_PIECES)]
    last = pieces[-1]  # the heap ends behind it, so it cannot shrink by itself
    pieces.clear()
    before = _resident()
    memory.release()
    assert before - _resident() > PIECE * NUM_PIECES / 2
    assert last.all()


def test_what_refers_to_itself_is_freed():
    gc.collect()
    cycle = [np.ones(PIECE, np.uint8)]
    cycle.append(cycle)
    array = cycle[0]
    references = len(gc.get_referrers(array))
    del cycle
    memory.release()
    assert len(gc.get_referrers(array)) == references - 1
