# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What every test runs under: Keras 2, a quiet TensorFlow, and two CPUs for it to replicate on."""

import os

import hypothesis
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import realm_tf  # noqa: F401  Chooses Keras 2, before TensorFlow is imported.

# isort: split
import tensorflow as tf

# Before any operation runs, and test modules may run one when they are collected.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


# Tests assert results and not times: a busy machine makes none fail.
hypothesis.settings.register_profile("realm", deadline=None)
hypothesis.settings.load_profile("realm")


@pytest.fixture(scope="session")
def two_logical_devices() -> list[str]:
    """Names of two logical CPUs, for a tf.distribute strategy."""
    return ["CPU:0", "CPU:1"]
