# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `torch.randn(size, generator=torch.Generator().manual_seed(seed))` draws, without torch.

The base-shape oracle holds no weights, only the seeds that they were drawn from. PyTorch's CPU
generator is the Mersenne Twister (MT19937); floats are Box-Muller pairs of its 24-bit uniforms, in
groups of 16. Equal to PyTorch but for the rounding of log, sin and cos.
"""

from __future__ import annotations

import math

import numpy as np

_GROUP = 16


class Generator:
    """A stream of standard normals.

    Args:
      seed: As for `manual_seed`, below 2**32.
    """

    def __init__(self, seed: int):
        key = [seed]
        for place in range(1, 624):
            key.append((1812433253 * (key[-1] ^ (key[-1] >> 30)) + place) & 0xFFFFFFFF)
        self._bits = np.random.MT19937()
        self._bits.state = {
            "bit_generator": "MT19937",
            "state": {"key": np.array(key, np.uint32), "pos": 624},
        }
        self._spare: float | None = None

    def normal(self, *shape: int) -> np.ndarray:
        """<float32>[shape]."""
        size = math.prod(shape)
        if size < _GROUP:
            return np.array([self._one() for _ in range(size)], np.float32).reshape(shape)
        uniform = self._uniform(size)
        whole = size // _GROUP * _GROUP
        drawn = np.concatenate([_box_muller(uniform[:whole]), uniform[whole:]])
        if whole < size:  # the last group is drawn anew, and overlaps the one before
            drawn[-_GROUP:] = _box_muller(self._uniform(_GROUP))
        return drawn.reshape(shape)

    def _uniform(self, size: int) -> np.ndarray:
        return (self._bits.random_raw(size) & 0xFFFFFF).astype(np.float32) * np.float32(2**-24)

    def _one(self) -> float:
        """Small tensors are drawn in float64, two at a time."""
        if self._spare is not None:
            value, self._spare = self._spare, None
            return value
        high_1, low_1, high_2, low_2 = (int(word) for word in self._bits.random_raw(4))
        angle, u = (
            ((high << 32 | low) & (2**53 - 1)) * 2.0**-53
            for high, low in ((high_1, low_1), (high_2, low_2))
        )
        radius = math.sqrt(-2 * math.log1p(-u))
        self._spare = radius * math.sin(2 * math.pi * angle)
        return radius * math.cos(2 * math.pi * angle)


def _box_muller(uniform: np.ndarray) -> np.ndarray:
    radii, angles = np.split(uniform.reshape(-1, _GROUP), 2, axis=1)
    radii, angles = np.sqrt(-2 * np.log(1 - radii)), np.float32(2 * np.pi) * angles
    return np.concatenate([radii * np.cos(angles), radii * np.sin(angles)], axis=1).reshape(-1)
