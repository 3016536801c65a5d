# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Samples that any process can draw again: from a seed and a name, never from a state.

A batch is a pure function of (seed, stage, index), so a resumed run, another thread or another
machine makes the same bytes, and the position in the data is the step.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from realm_tf import types

_T = TypeVar("_T")


def generator(seed: int, stage: str, key: int) -> np.random.Generator:
    """A random generator of its own for every (seed, stage, key).

    Args:
      seed: Seed of the run.
      stage: What the numbers are for, e.g. "ict/sentence".
      key: Batch index or epoch.
    """
    name = f"{seed}/{stage}/{key}".encode()
    words = np.frombuffer(hashlib.sha256(name).digest()[:16], "<u8")
    return np.random.Generator(np.random.Philox(key=words))


def evenly(rows: Sequence[_T], most: int) -> list[_T]:
    """A sample of `most` rows, spread evenly over all of them; all, if there are no more.

    Args:
      rows: What is sampled; its order is kept.
      most: Number of rows that are wanted; at least 1.
    """
    if len(rows) <= most:
        return list(rows)
    return [rows[index * len(rows) // most] for index in range(most)]


class EpochSampler:
    """An endless stream of example numbers: every epoch a new permutation of all of them.

    Args:
      num_examples: They are numbered from 0.
      seed: Seed of the run.
      stage: Name of the stream.

    Raises:
      UserError: If there is no example.
    """

    def __init__(self, num_examples: int, *, seed: int, stage: str):
        if num_examples < 1:
            raise types.UserError(
                f"The {stage} stage has no examples: nothing in its input is eligible. Check that"
                " its corpus is not empty and its lengths are not too small."
            )
        self.num_examples = num_examples
        self._seed, self._stage = seed, stage
        # Two, because a batch may lie across the border of two epochs.
        self._permutation = functools.lru_cache(maxsize=2)(self._make_permutation)

    def batch(self, index: int, batch_size: int) -> np.ndarray:
        """Example numbers <int64>[batch_size] of the batch `index`."""
        places = np.arange(index * batch_size, (index + 1) * batch_size, dtype=np.int64)
        epochs, places = np.divmod(places, self.num_examples)
        numbers = np.empty(batch_size, np.int64)
        for epoch in np.unique(epochs):
            within = epochs == epoch
            numbers[within] = self._permutation(int(epoch))[places[within]]
        return numbers

    def _make_permutation(self, epoch: int) -> np.ndarray:
        small = self.num_examples <= np.iinfo(np.uint32).max
        numbers = np.arange(self.num_examples, dtype=np.uint32 if small else np.int64)
        generator(self._seed, f"{self._stage}/epoch", epoch).shuffle(numbers)
        return numbers
