# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks requests against the signature that they call, before any op sees them.

The graph must not be trusted with this: TensorFlow does not hold requests against the shapes that a
signature declares, and ops may end the whole process.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from serving.server import failures, limits, servable

# Inputs that count something: answers, blocks.
_COUNTS = re.compile(r"(top_)?k|num_\w+")


def require_inputs(signature: servable.Signature, given: Sequence[str]) -> None:
    """Checks the names of the inputs.

    Raises:
      RequestError: If one is not the signature's, or one without a default is missing.
    """
    known = ", ".join(signature.inputs)
    for name in given:
        if name not in signature.inputs:
            raise failures.invalid(
                f"Signature {signature.name!r} has no input {name!r}. It has: {known}."
            )
    for name in signature.inputs:
        if name not in given and name not in signature.defaults:
            raise failures.invalid(f"Signature {signature.name!r} needs the input {name!r}.")


def require_shape(
    spec: tf.TensorSpec, dtype: tf.DType, shape: Sequence[int], limit: limits.Limits
) -> None:
    """Checks type and shape of an input, which need not be decoded for that.

    Raises:
      RequestError: If they are not those of the signature, or over a limit.
    """
    wanted = spec.shape
    text = f"{spec.dtype.name} of shape {wanted}"
    if dtype != spec.dtype:
        raise failures.invalid(
            f"Input {spec.name!r} must be {text}. Received: {dtype.name} of shape {list(shape)}."
        )
    if wanted.rank is not None and not wanted.is_compatible_with(list(shape)):
        raise failures.invalid(
            f"Input {spec.name!r} must be {text}. Received: shape {list(shape)}."
        )
    if servable.has_batch(spec):
        _require_rows(spec.name, shape[0], limit)
    if (count := int(np.prod(shape, dtype=object))) > limit.max_request_bytes:
        raise failures.invalid(f"Input {spec.name!r} has {count} values, which is too many.")


def complete(
    signature: servable.Signature, inputs: servable.Arrays, limit: limits.Limits
) -> dict[str, np.ndarray]:
    """Checks the values of decoded inputs, and adds those that are left out.

    Args:
      signature: Signature that is called.
      inputs: Inputs whose names, types and shapes were checked; strings are bytes.
      limit: Limits of the server.

    Returns:
      All inputs of the signature; those with a batch dimension have the same number of rows.

    Raises:
      RequestError: If a value is over a limit, a text is not UTF-8, or the numbers of rows differ.
    """
    rows = _rows(signature, inputs)
    complete_inputs = {}
    for name, spec in signature.inputs.items():
        value = inputs[name] if name in inputs else _default(signature, name, rows)
        if spec.dtype == tf.string:
            _require_texts(name, value, limit)
        elif spec.dtype.is_integer and _COUNTS.fullmatch(name):
            _require_counts(name, value, limit)
        complete_inputs[name] = value
    return complete_inputs


def _rows(signature: servable.Signature, inputs: servable.Arrays) -> int:
    rows = {
        name: len(x) for name, x in inputs.items() if servable.has_batch(signature.inputs[name])
    }
    if len(set(rows.values())) > 1:
        found = ", ".join(f"{name} {count}" for name, count in rows.items())
        raise failures.invalid(f"The inputs differ in their number of rows: {found}.")
    return next(iter(rows.values()), 1)


def _default(signature: servable.Signature, name: str, rows: int) -> np.ndarray:
    value = signature.defaults[name]
    if servable.has_batch(signature.inputs[name]) and len(value) == 1:
        return np.repeat(value, rows, axis=0)
    return value


def _require_rows(name: str, rows: int, limit: limits.Limits) -> None:
    if not 1 <= rows <= limit.max_rows:
        raise failures.invalid(
            f"Input {name!r} must have from 1 to {limit.max_rows} rows. Received: {rows}. Send"
            " several requests."
        )


def _require_texts(name: str, value: np.ndarray, limit: limits.Limits) -> None:
    for row, text in enumerate(value.reshape(-1)):
        if len(text) > limit.max_text_bytes:
            raise failures.invalid(
                f"Value {row} of input {name!r} has {len(text)} bytes; at most"
                f" {limit.max_text_bytes} are taken."
            )
        if name.endswith("_bytes"):
            continue  # in TF Serving's REST interface this says that it is binary
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise failures.invalid(
                f"Value {row} of input {name!r} is not UTF-8: {error.reason} at byte {error.start}."
            ) from error


def _require_counts(name: str, value: np.ndarray, limit: limits.Limits) -> None:
    for number in np.unique(value):
        if not 1 <= number <= limit.max_k:
            raise failures.invalid(
                f"Input {name!r} must be from 1 to {limit.max_k}. Received: {number}."
            )
