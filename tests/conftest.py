# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every test runs under: Keras 2, a quiet TensorFlow, and two CPUs for it to replicate on."""

import contextlib
import os
import sys

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import realm_tf  # noqa: F401  Chooses Keras 2, before a test imports TensorFlow.


def _divide_cpu() -> None:
    """Makes two logical CPUs of the one, unless that was done before."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    if tf.config.get_logical_device_configuration(cpu) is None:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )


def pytest_collection_finish() -> None:
    """Divides the CPU before the first test, if the tests collected import TensorFlow at all."""
    if "tensorflow" in sys.modules:
        # Too late if a module ran an operation when imported: that concerns the fixture's users.
        with contextlib.suppress(RuntimeError):
            _divide_cpu()


@pytest.fixture(scope="session")
def two_logical_devices() -> list[str]:
    """Names of two logical CPUs, for a tf.distribute strategy."""
    try:
        _divide_cpu()
    except RuntimeError as error:
        pytest.fail(
            f"TensorFlow ran an operation before its CPU could be divided ({error}). Let no module"
            " run one when it is imported, and import TensorFlow at the top of test modules."
        )
    return ["CPU:0", "CPU:1"]
