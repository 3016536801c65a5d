# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Saves and restores trained weights as segments, which are found by what they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib

_PREFIX = "weights"
# Where Model Garden's layers keep the word embeddings; tied ones are stored once, as the head's.
_WORDS = tuple(
    f"/{name}/.ATTRIBUTES/VARIABLE_VALUE"
    for name in ("_embedding_layer/embeddings", "masked_lm/embedding_table")
)


def save(
    model: tf.Module,
    path: str,
    *,
    kind: str,
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
    counts: Mapping[str, float],
) -> artifacts.Segment:
    """Writes a model's weights as a segment of `kind`. See `artifacts.Segment`.

    Raises:
      UserError: If a weight is not a finite number.
    """
    if name := not_finite(model.variables):
        raise types.UserError(
            f"The weights {name} are not finite, so {path} is not written. Lower the learning rate,"
            " or start from other weights."
        )
    writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
    tf.train.Checkpoint(model=model).write(f"{path}/{_PREFIX}")
    for file in sorted(tf.io.gfile.listdir(path)):
        if file.startswith(f"{_PREFIX}."):
            writer.add(file)
    return writer.commit(**counts)


def not_finite(variables: Sequence[tf.Variable]) -> str | None:
    """Name of a weight that holds NaN or infinity, None if there is none.

    A sum takes both on, in one pass and without memory.
    """
    floats = [v for v in variables if v.dtype.is_floating]
    sums = [tf.reduce_sum(tf.cast(v, tf.float32)) for v in floats]
    found = (v.name for v, s in zip(floats, sums, strict=True) if not np.isfinite(s.numpy()))
    return next(found, None)


def restore(model: tf.Module, segment: artifacts.Segment) -> None:
    """Fills every weight of `model` from a segment that `save` wrote.

    Raises:
      UserError: If the segment's model has another shape.
    """
    try:
        with artifacts.plain_path(segment.path) as directory:
            status = tf.train.Checkpoint(model=model).read(f"{directory}/{_PREFIX}")
            # What nobody expects any more is not complained of when the interpreter ends.
            status.assert_existing_objects_matched().expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        first = " ".join(str(error).split())[:200]
        raise types.UserError(
            f"{segment.path} does not fit the configured model: {first}. Use the configuration"
            " that it was trained with."
        ) from error


def restore_encoder(encoder: tf.Module, segment: artifacts.Segment) -> None:
    """Fills an encoder from a segment whose network keeps one as `encoder`: a BERT, a reader.

    Raises:
      UserError: If that encoder has another shape.
    """
    restore_part("encoder", encoder, segment)


def restore_part(name: str, part: tf.Module, segment: artifacts.Segment) -> None:
    """Fills one network from a segment of a larger one, whose attribute `name` it is.

    Raises:
      UserError: If that part has another shape.
    """
    holder = tf.Module()
    setattr(holder, name, part)
    restore(holder, segment)


def vocab_size(segment: artifacts.Segment) -> int:
    """The vocabulary size of the network whose weights a segment holds.

    Raises:
      UserError: If it is no segment of weights.
    """
    if tf.io.gfile.exists(segment.file(f"{_PREFIX}.index")):
        with artifacts.plain_path(segment.path) as directory:
            variables = tf.train.list_variables(f"{directory}/{_PREFIX}")
        for name, shape in variables:
            if name.endswith(_WORDS):
                return shape[0]
    raise types.UserError(f"{segment.path} holds no weights of an encoder.")


def model_config(segment: artifacts.Segment) -> config_lib.ModelConfig:
    """The configuration of the networks whose weights a segment holds.

    Raises:
      UserError: If there is none: it is no segment of weights.
    """
    settings = segment.settings
    if "model" in settings:
        values = dict(settings["model"])
    elif "embedder" in settings:
        values = {"embedder": settings["embedder"]}
    elif "reader" in settings:
        values = {"reader": {"encoder": settings["reader"]}}
    else:
        raise types.UserError(
            f"{segment.path} does not say the configuration of its model."
            " Is it a segment of weights?"
        )
    return config_lib.from_dict(config_lib.ModelConfig, values)
