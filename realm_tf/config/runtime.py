# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configuration of the devices that a run uses, and of what is measured in its evaluation."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class RuntimeConfig:
    """Configuration of the devices and the input pipeline of a run."""

    strategy: str = "one_device"  # one_device, mirrored, multi_worker_mirrored, tpu
    tpu: str | None = None
    mixed_bfloat16: bool = False
    jit_compile: bool = False
    prefetch_batches: int = 4
    input_threads: int = 1


@dataclasses.dataclass(frozen=True)
class EvaluationConfig:
    """Configuration of the evaluation: what is measured of a run, and on how many examples."""

    recall_at: tuple[int, ...] = (1, 5, 10, 20, 50, 100)
    max_questions: int = 2000
    masked_examples: int = 1024  # held-out masked spans that a system is measured on
    held_out_fraction: float = 0.1  # of documents, by hash, kept from pre-training
    baselines: bool = True  # also evaluate a random embedder and ICT alone
