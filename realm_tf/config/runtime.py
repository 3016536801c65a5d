# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run runs on, and what is measured of it; sections of `config.Config`."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class RuntimeConfig:
    """Devices and input."""

    strategy: str = "one_device"  # one_device, mirrored, multi_worker_mirrored, tpu
    tpu: str | None = None
    mixed_bfloat16: bool = False
    jit_compile: bool = False
    prefetch_batches: int = 4
    input_threads: int = 1


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """What is measured."""

    recall_at: tuple[int, ...] = (1, 5, 10, 20, 50, 100)
    max_questions: int = 2000
    masked_examples: int = 1024  # held-out masked spans that a system is measured on
    held_out_fraction: float = 0.1  # of documents, by hash, kept from pre-training
    baselines: bool = True  # also evaluate a random embedder and ICT alone
