# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How far an evaluation is: a bar on a terminal, and elsewhere a line a minute."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

import tqdm

LINE_EVERY_SECS = 60.0

_LOGGER = logging.getLogger(__name__)
_Item = TypeVar("_Item")


def batches(items: Sequence[_Item], size: int, name: str) -> Iterator[Sequence[_Item]]:
    """Yields `items` in batches of `size`, and shows how many of them are done.

    Args:
      items: What is worked on, e.g. questions.
      size: Number of items in a batch; the last one may be smaller.
      name: What is done with them, for the bar or the line.
    """
    started = told = time.monotonic()
    with tqdm.tqdm(desc=name, total=len(items), disable=None, leave=False) as bar:
        for start in range(0, len(items), size):
            batch = items[start : start + size]
            yield batch
            bar.update(len(batch))
            now, done = time.monotonic(), start + len(batch)
            if bar.disable and now - told >= LINE_EVERY_SECS and done < len(items):
                minutes = (now - started) / done * (len(items) - done) / 60
                _LOGGER.info(
                    "%s: %d of %d done, about %.0f min to go", name, done, len(items), minutes
                )
                told = now
