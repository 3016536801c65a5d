# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random draws for the sample: the same whenever it is generated, whatever is drawn besides."""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

SEED = 20

T = TypeVar("T")


def draw(stage: str, key: str) -> int:
    """A random 64-bit number that depends on the seed, the stage and the key alone."""
    digest = hashlib.sha256(f"{SEED}/{stage}/{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def shuffled(stage: str, items: Sequence[T], key: Callable[[T], str]) -> list[T]:
    """Items of the sample in an order that is drawn from their keys."""
    return sorted(items, key=lambda item: (draw(stage, key(item)), key(item)))
