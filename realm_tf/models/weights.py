# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trained weights as segments: immutable, checked, and found by what they were trained from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from realm_tf import artifacts, types

_PREFIX = "weights"


def save(
    model: tf.Module,
    path: str,
    *,
    kind: str,
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
    counts: Mapping[str, float],
) -> artifacts.Segment:
    """Writes a model's weights as a segment of `kind`. See `artifacts.Segment`."""
    writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
    tf.train.Checkpoint(model=model).write(f"{path}/{_PREFIX}")
    for file in sorted(tf.io.gfile.listdir(path)):
        if file.startswith(f"{_PREFIX}."):
            writer.add(file)
    return writer.commit(**counts)


def restore(model: tf.Module, segment: artifacts.Segment) -> None:
    """Fills every weight of `model` from a segment that `save` wrote.

    Raises:
      UserError: If the segment's model has another shape.
    """
    try:
        status = tf.train.Checkpoint(model=model).read(segment.file(_PREFIX))
        status.assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        first = " ".join(str(error).split())[:200]
        raise types.UserError(
            f"{segment.path} does not fit the configured model: {first}. Use the configuration"
            " that it was trained with."
        ) from error
