# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The checkpoints of a training run: whole ones are kept, damaged ones are passed over.

What lies in the directory decides, and not TensorFlow's file `checkpoint`, which may be older or
damaged itself. A checkpoint is read as a whole before it is used: TensorFlow has a CRC of every
tensor, and looks at it then.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf.training.engine import workers

_LOGGER = logging.getLogger(__name__)
_STATE = "checkpoint"
_FILE = re.compile(r"ckpt-(\d+)\.(?:index|data-\d{5}-of-\d{5})")
_UNFINISHED = re.compile(r"ckpt-\d+_temp.*|ckpt-\d+\..*tempstate.*|checkpoint\.tmp.*")

# What TensorFlow raises of a checkpoint whose files are gone, cut short or changed: many things.
_DAMAGED = (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError)
# These say nothing of the files: a disk or a network that does not answer now.
_UNREADABLE = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
    tf.errors.UnavailableError,
)


class Manager(tf.train.CheckpointManager):
    """Keeps the two newest checkpoints; a save that fails leaves nothing behind.

    Args:
      checkpoint: Checkpoint that is saved.
      directory: Directory of the run, which `recover` has looked at.
      step: The trainer's step.
      every_steps: Interval of checkpoints.
      before_save: Function that is called before anything is saved; if it raises, nothing is.
    """

    def __init__(
        self,
        checkpoint: tf.train.Checkpoint,
        directory: str,
        *,
        step: tf.Variable,
        every_steps: int,
        before_save: Callable[[], None] = lambda: None,
    ):
        self._before_save = before_save
        super().__init__(
            checkpoint,
            directory,
            max_to_keep=2,
            step_counter=step,
            checkpoint_interval=every_steps,
        )

    def save(self, *args: Any, **kwargs: Any) -> str | None:
        """See the base class."""
        self._before_save()
        try:
            return super().save(*args, **kwargs)
        except BaseException:
            _remove_unfinished(self.directory)
            raise


@contextlib.contextmanager
def damage_errors(directory: str) -> Iterator[None]:
    """Makes one line of what TensorFlow raises when a damaged checkpoint of a training is read.

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
        raise _all_damaged(directory, _line(error)) from error


def recover(directory: str) -> int:
    """Makes the newest checkpoint one that is whole; returns its step, 0 if there is none.

    Newer ones, which are damaged, are told in the log and deleted, and so is what a save has left
    that was killed or that had no space. It reads a checkpoint, so call it where a run starts.

    Raises:
      UserError: If there are checkpoints, and all are damaged.
    """
    with artifacts.plain_path(directory) as plain:
        _remove_unfinished(plain)
        on_disk = _steps(plain)
        recorded = _recorded(plain)
        found = sorted({*on_disk, *recorded}) if on_disk else []
        if recorded and not on_disk:
            _LOGGER.warning("The checkpoints in %s are gone: training starts anew.", directory)
        damaged: dict[int, str] = {}
        for step in reversed(found):
            reason = _fault(plain, step)
            if reason is None:
                break
            damaged[step] = reason
        whole = [step for step in found if step not in damaged]
        if damaged and not whole:
            raise _all_damaged(directory, damaged[found[-1]])
        for step, reason in damaged.items():
            _LOGGER.warning(
                "The checkpoint %s is damaged: %s. It is deleted; training goes back to step %d, to"
                " %s.",
                os.path.join(directory, _name(step)),
                reason,
                whole[-1],
                _name(whole[-1]),
            )
            _remove(plain, step)
        _write_state(plain, whole)
        return whole[-1] if whole else 0


def restore_as_chief(
    worker: workers.Worker, checkpoint: tf.train.Checkpoint, step: tf.Variable, directory: str
) -> None:
    """Has another worker start from the checkpoint that the chief was restored from.

    Args:
      worker: Every worker calls this.
      checkpoint: What it trains; that of the chief is restored.
      step: The trainer's step, which is part of it.
      directory: Where the chief's checkpoints are.

    Raises:
      UserError: If that checkpoint is damaged.
    """
    own = float(step.numpy())
    number = int(worker.chiefs(own, "the chief to read its checkpoint"))
    if number and not worker.is_chief:
        with damage_errors(directory), artifacts.plain_path(directory) as plain:
            path = os.path.join(plain, _name(number))
            checkpoint.read(path).assert_existing_objects_matched().expect_partial()


def newest(directory: str) -> str | None:
    """The newest checkpoint's name with its directory, None if there is none."""
    with artifacts.plain_path(directory) as plain:
        steps = _steps(plain)
    return os.path.join(directory, _name(steps[-1])) if steps else None


def oldest_step(directory: str) -> int:
    """Step of the oldest checkpoint that a run may go back to, 0 if there is none."""
    with artifacts.plain_path(directory) as plain:
        return min(_steps(plain), default=0)


def _fault(directory: str, step: int) -> str | None:
    """What is wrong with a checkpoint; None if it can be read as a whole."""
    try:
        reader = tf.train.load_checkpoint(os.path.join(directory, _name(step)))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except _UNREADABLE:
        raise
    except _DAMAGED as error:
        return _line(error)
    return None


def _all_damaged(directory: str, reason: str) -> types.UserError:
    return types.UserError(
        f"A checkpoint in {directory} is damaged: {reason}. Delete that directory and give the"
        " same command again: this training is then done again, from its start."
    )


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


def _name(step: int) -> str:
    return f"ckpt-{step}"


def _files(directory: str) -> Sequence[str]:
    names = tf.io.gfile.listdir(directory) if tf.io.gfile.isdir(directory) else []
    return [name.rstrip("/") for name in names]  # object stores mark directories with a slash


def _steps(directory: str) -> list[int]:
    """Steps of the checkpoints in a directory, also of those that have lost a file."""
    found = (_FILE.fullmatch(name) for name in _files(directory))
    return sorted({int(match[1]) for match in found if match})


def _recorded(directory: str) -> list[int]:
    """Steps of the checkpoints that TensorFlow's file names, whether they are there or not."""
    state = None
    with contextlib.suppress(ValueError):  # it is empty
        state = tf.train.get_checkpoint_state(directory)
    names = [os.path.basename(path) for path in state.all_model_checkpoint_paths] if state else []
    return [int(name.rpartition("-")[2]) for name in names]


def _remove(directory: str, step: int) -> None:
    for name in _files(directory):
        match = _FILE.fullmatch(name)
        if match and int(match[1]) == step:
            tf.io.gfile.remove(os.path.join(directory, name))


def _remove_unfinished(directory: str) -> None:
    for name in _files(directory):
        if _UNFINISHED.fullmatch(name):
            path = os.path.join(directory, name)
            (tf.io.gfile.rmtree if tf.io.gfile.isdir(path) else tf.io.gfile.remove)(path)


def _write_state(directory: str, steps: Sequence[int]) -> None:
    """Has TensorFlow's file name what is there; it is what the manager goes by."""
    paths = [os.path.join(directory, _name(step)) for step in steps]
    if paths:
        tf.__internal__.train.update_checkpoint_state(
            directory, paths[-1], paths, save_relative_paths=True
        )
    elif tf.io.gfile.exists(os.path.join(directory, _STATE)):
        tf.io.gfile.remove(os.path.join(directory, _STATE))
