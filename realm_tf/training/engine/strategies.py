# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Distribution strategies and their collectives.

A strategy is made once in a process, before TensorFlow computes anything.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import TypeVar

import tensorflow as tf
import tf_keras

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.models import losses

_T = TypeVar("_T")
# What TensorFlow raises of devices or machines that it does not find: many things.
_NOT_FOUND = (OSError, RuntimeError, ValueError, tf.errors.OpError)


def make_strategy(config: config_lib.RuntimeConfig) -> tf.distribute.Strategy:
    """The distribution strategy that the configuration names: one object for all runs of a process.

    A second one on the same devices would use the first one's collective keys anew and fail.
    Collectives between workers, and TPUs, must be set up before any operation runs: a command that
    trains calls this first. With several workers it returns when all of them have called it.

    Raises:
      UserError: If there is no TPU of that name, or the workers do not find each other.
    """
    return _strategy(config.strategy, config.tpu)


@functools.cache
def _strategy(name: str, tpu: str | None) -> tf.distribute.Strategy:
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy(_all_devices()[0])
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(_all_devices())
    if name == "multi_worker_mirrored":
        cure = "Start the same command on every machine that TF_CONFIG names, each with its task."
        with _one_line("runtime.strategy multi_worker_mirrored cannot start", cure):
            return tf.distribute.MultiWorkerMirroredStrategy()
    cure = "Set runtime.tpu to its name, or another runtime.strategy."
    with _one_line(f"runtime.strategy is tpu, but there is no TPU {tpu or 'local'!r}", cure):
        # It connects to the TPU's machine, and initialises the TPU: in this order, then the rest.
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(tpu or "local")
        return tf.distribute.TPUStrategy(resolver)


def local_replicas(strategy: tf.distribute.Strategy) -> int:
    """How many of the replicas are of this process."""
    if strategy.num_replicas_in_sync == 1:
        return 1
    return len(strategy.extended.worker_devices)


@contextlib.contextmanager
def scope(config: config_lib.RuntimeConfig) -> Iterator[None]:
    """Where models, optimisers and tasks of a training run are made: strategy and precision."""
    policy = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(
        "mixed_bfloat16" if config.mixed_bfloat16 else "float32"
    )
    try:
        with make_strategy(config).scope():
            yield
    finally:
        tf_keras.mixed_precision.set_global_policy(policy)


def collectives() -> losses.Collectives:
    """The collectives of the replica context that this is called in."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return losses.LOCAL
    global_sum = functools.partial(context.all_reduce, tf.distribute.ReduceOp.SUM)
    return losses.Collectives(
        gather=lambda x: context.all_gather(x, axis=0),
        global_sum=global_sum,
        global_count=global_sum,
        replica_id=context.replica_id_in_sync_group,
    )


def outside(work: Callable[[], _T]) -> _T:
    """Does work outside of the scope that this is called in, and waits for it.

    A strategy's scope belongs to a thread. What is traced or loaded inside it belongs to the
    strategy: neither an exported embedder nor the threads of a pipeline can use it, and every new
    variable is one more collective of all workers.
    """
    result: futures.Future[_T] = futures.Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001  The caller gets it.
            result.set_exception(error)

    # Of no pool: who waits may be interrupted, and then does not wait for the end of the work.
    threading.Thread(target=run, name="outside", daemon=True).start()
    return result.result()


@contextlib.contextmanager
def _one_line(what: str, cure: str) -> Iterator[None]:
    try:
        yield
    except _NOT_FOUND as error:
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise types.UserError(f"{what}: {reason}. {cure}") from error


def _all_devices() -> list[str]:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    return [device.name for device in tf.config.list_logical_devices(kind)]
