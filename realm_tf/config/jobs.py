# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of how the Beam jobs work; nothing here changes what they make."""

from __future__ import annotations

import dataclasses

from realm_tf.config import ranges


@dataclasses.dataclass(frozen=True)
class JobsConfig(ranges.Section):
    """How the Beam jobs work; nothing here changes what they make."""

    max_bad_fraction: float = ranges.setting(
        0.0,
        "Share of the records that may be bad; these records are put aside, and the blocks job"
        " continues.",
        at_least=0,
        at_most=1,
    )
    sort_mb: int = ranges.setting(
        32,
        "Size of the documents that a worker of the blocks job sorts in memory at a time.",
        at_least=1,
    )
