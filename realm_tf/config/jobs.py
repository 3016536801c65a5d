# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of how the Beam jobs work; nothing here changes what they make."""

from __future__ import annotations

import dataclasses

from realm_tf.config import parsing


@dataclasses.dataclass(frozen=True)
class JobsConfig:
    """Configuration of how the Beam jobs work; nothing in it changes what they make.

    `max_bad_fraction` of the records of an input may be unusable: they become dead letters, and
    the job goes on.
    """

    max_bad_fraction: float = 0.0
    sort_mb: int = 32  # of documents that a worker sorts in memory

    def __post_init__(self) -> None:
        parsing.check(
            0 <= self.max_bad_fraction <= 1,
            f"jobs.max_bad_fraction must be from 0 to 1. Received: {self.max_bad_fraction}.",
        )
        parsing.check(
            self.sort_mb >= 1, f"jobs.sort_mb must be at least 1. Received: {self.sort_mb}."
        )
