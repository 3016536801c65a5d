# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Held-out metrics of a task, on one device: sums of the task's own sums."""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Any

import tensorflow as tf
import tf_keras

from realm_tf.models import losses
from realm_tf.training.engine import task as task_lib
from realm_tf.training.engine import traced


class Evaluator:
    """Measures a model as it stands; the step is traced once.

    Args:
      task: Task whose metrics are measured.
      model: Model of the task.
    """

    def __init__(self, task: task_lib.RealmTask, model: tf_keras.Model):
        self._task = task
        self._model = model
        self._step = traced.Traced(self._sums, static_shapes=task.static_shapes)

    def _sums(self, batch: Any) -> task_lib.Sums:
        return self._task.loss_and_sums(batch, self._model, training=False, across=losses.LOCAL)[1]

    def __call__(self, batches: Iterable[Any]) -> dict[str, float]:
        """Name to mean, over all batches."""
        totals: dict[str, list[float]] = collections.defaultdict(lambda: [0.0, 0.0])
        for batch in batches:
            inputs = self._task.device_part(self._task.prepare(batch, self._model))
            sums = self._step(tf.nest.map_structure(tf.convert_to_tensor, inputs))
            for name, (total, count) in sums.items():
                totals[name][0] += float(total)
                totals[name][1] += float(count)
        return {name: total / max(count, 1.0) for name, (total, count) in totals.items()}
