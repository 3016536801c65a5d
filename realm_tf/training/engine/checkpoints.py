# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading the checkpoints of a training run, which may be damaged."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.training.engine import workers

# What TensorFlow raises of a checkpoint whose files are gone, cut short or changed: many things.
_DAMAGED = (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError)


@contextlib.contextmanager
def damage(directory: str) -> Iterator[None]:
    """Makes one line of what TensorFlow raises of a damaged checkpoint.

    Args:
      directory: Where the run's checkpoints are; for the message.

    Raises:
      UserError: In place of these errors.
    """
    try:
        with artifacts.storage_errors():
            yield
    except types.UserError:
        raise
    except _DAMAGED as error:
        reason = " ".join(str(error).split())[:200]
        raise types.UserError(
            f"A checkpoint in {directory} is damaged: {reason}. Delete that directory and give the"
            " same command again: this training is then done again, from its start."
        ) from error


def newest_step(directory: str) -> int:
    """Step of the newest checkpoint, 0 if there is none."""
    with artifacts.plain_path(directory) as plain:
        path = tf.train.latest_checkpoint(plain)
    return int(path.rpartition("-")[2]) if path else 0


def restore_as_chief(
    worker: workers.Worker, checkpoint: tf.train.Checkpoint, step: tf.Variable, directory: str
) -> None:
    """Fills the trainer of another worker from the checkpoint that the chief was restored from.

    Args:
      worker: Every worker calls this.
      checkpoint: What its trainer restores; that of the chief is restored.
      step: The trainer's step.
      directory: Where the chief's checkpoints are.
    """
    of_chief = int(worker.chiefs(float(step.numpy()), "the chief to read its checkpoint"))
    if of_chief and not worker.is_chief:
        with artifacts.plain_path(directory) as plain:
            path = os.path.join(plain, f"ckpt-{of_chief}")
            checkpoint.read(path).assert_existing_objects_matched()
