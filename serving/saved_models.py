# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads SavedModels of exports, with one clear error for what is damaged."""

from __future__ import annotations

import re
from typing import Any

import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops of the tokenizer

from realm_tf import artifacts, types
from serving import versions

_ASSERTION = re.compile(r"assertion failed: \[(.*)\]")
_SHOWN = 400  # characters


def load(version: str) -> Any:
    """Loads the SavedModel in the directory of one version.

    Returns:
      The module; hold it as long as its signatures are called, which do not keep its variables.

    Raises:
      UserError: If the version is not whole, or the model is damaged.
    """
    versions.require_whole(version)
    _register_ops(versions.index_of(versions.record(version)), version)
    try:
        with artifacts.plain_path(version) as directory:
            return tf.saved_model.load(directory)
    except (IndexError, OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise types.UserError(
            f"{version} is damaged: {reason}. Delete it, and run `realm export`."
        ) from error


def refusal(error: tf.errors.OpError) -> str:
    """What a graph says of inputs that it refuses, in one line."""
    told = _ASSERTION.search(error.message)
    text = told[1] if told else error.message
    return re.sub(r"\s+", " ", text)[:_SHOWN]


def _register_ops(index: str, version: str) -> None:
    """Registers the ops that the search needs besides those of TensorFlow and TF.Text."""
    if index == "scann":
        try:
            from scann import scann_ops  # noqa: F401  takes a second, and no other export needs it
        except (ImportError, tf.errors.OpError) as error:
            raise types.UserError(
                f"{version} searches with ScaNN, whose ops cannot be loaded: {error}. Install the"
                " scann that fits this TensorFlow, or export with --index ivf."
            ) from error
