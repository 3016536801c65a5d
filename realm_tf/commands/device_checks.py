# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What only the devices can tell of settings: looked at before any work."""

from __future__ import annotations

from collections.abc import Mapping

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.training.engine import strategies


def check(runtime: config_lib.RuntimeConfig, batch_sizes: Mapping[str, int]) -> None:
    """Checks batch sizes, and the use of XLA, against the number of replicas.

    Args:
      runtime: Devices.
      batch_sizes: Global batch sizes, by the sections that configure them.

    Raises:
      UserError: If a batch does not split over the replicas, or XLA is asked for under several.
    """
    replicas, parts = 1, runtime.accumulation_steps
    if runtime.strategy != "one_device":
        replicas = strategies.make_strategy(runtime).num_replicas_in_sync
    of_parts = f" times the {parts} of runtime.accumulation_steps" if parts > 1 else ""
    for section, size in batch_sizes.items():
        if size % (replicas * parts):
            raise types.UserError(
                f"{section}.batch_size must be a multiple of the {replicas} replicas of"
                f" runtime.strategy {runtime.strategy}{of_parts}. Received: {size}."
            )
    if runtime.jit_compile and replicas > 1:
        raise types.UserError(
            f"runtime.jit_compile works on one replica; set it to false for the {replicas} replicas"
            f" of runtime.strategy {runtime.strategy}."
        )


def check_run(config: config_lib.Config) -> None:
    """Checks the batches of all trainings of a run; see `check`."""
    sizes = {
        "ict": config.ict.batch_size,
        "pretrain.warmup": config.pretrain.warmup.batch_size,
        "pretrain": config.pretrain.batch_size,
        "dual_encoder": config.dual_encoder.batch_size,
        "open_qa": config.open_qa.batch_size,
    }
    check(config.runtime, sizes)
