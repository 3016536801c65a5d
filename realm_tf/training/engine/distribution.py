# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A worker's rows of a batch, split over its replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.training.engine import strategies


def parts(
    strategy: tf.distribute.Strategy, batch: Any, device_part: Callable[[Any], Any]
) -> list[Any]:
    """What each of this worker's replicas gets of a batch: even parts along the first axis.

    Args:
      strategy: It has the replicas.
      batch: Arrays, in any structure.
      device_part: A replica's part of them to what its device gets.

    Raises:
      ValueError: If the batch cannot be split evenly.
    """
    replicas = strategies.local_replicas(strategy)
    if replicas == 1:
        return [device_part(batch)]
    return [
        device_part(tf.nest.map_structure(lambda array, i=i: _part(array, i, replicas), batch))
        for i in range(replicas)
    ]


def distribute(
    strategy: tf.distribute.Strategy,
    batch: Any,
    device_part: Callable[[Any], Any] = lambda part: part,
) -> Any:
    """As `parts`, on the devices of the replicas: what `strategy.run` takes."""
    split = parts(strategy, batch, device_part)
    if len(split) == 1:
        return tf.nest.map_structure(tf.convert_to_tensor, split[0])

    def of_replicas(*arrays: np.ndarray) -> Any:
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.convert_to_tensor(
                arrays[context.replica_id_in_sync_group % len(arrays)]
            )
        )

    return tf.nest.map_structure(of_replicas, *split)


def _part(array: np.ndarray, number: int, replicas: int) -> np.ndarray:
    if array.shape[0] % replicas:
        raise ValueError(
            f"A batch of {array.shape[0]} does not split over {replicas} replicas."
            " Make batch_size a multiple of the number of replicas."
        )
    size = array.shape[0] // replicas
    return array[number * size : (number + 1) * size]
