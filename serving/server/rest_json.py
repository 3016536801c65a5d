# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""TF Serving's JSON: inputs and outputs in rows (`instances`) or in columns (`inputs`).

https://www.tensorflow.org/tfx/serving/api_rest. Binary values are written `{"b64": "..."}`; outputs
are written so if their names end with `_bytes`.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from serving.server import checks, failures, limits, servable

_ROWS, _COLUMNS = "instances", "inputs"
_SIGNATURE = "signature_name"
_BINARY = "b64"


@dataclasses.dataclass(frozen=True)
class Body:
    """The body of a predict request.

    Attributes:
      signature: Name of the signature; empty for the default one.
      inputs: Inputs as JSON has them.
      by_row: Whether they are a list of rows.
    """

    signature: str
    inputs: Any
    by_row: bool


def parse(text: bytes) -> Body:
    """Parses the body of a predict request.

    Raises:
      RequestError: If it is no JSON, or no request.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise failures.invalid(f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict) or (_ROWS in body) == (_COLUMNS in body):
        raise failures.invalid(
            f'The body must be an object with either "{_ROWS}" (a list of rows) or "{_COLUMNS}"'
            " (a value for each input)."
        )
    for name in body:
        if name not in (_ROWS, _COLUMNS, _SIGNATURE):
            raise failures.invalid(f"The body has a member {name!r}, which is not known.")
    signature = body.get(_SIGNATURE, "")
    if not isinstance(signature, str):
        raise failures.invalid(f'"{_SIGNATURE}" must be a string. Received: {signature!r}.')
    by_row = _ROWS in body
    return Body(signature, body[_ROWS] if by_row else body[_COLUMNS], by_row)


def decode(
    body: Body, signature: servable.Signature, limit: limits.Limits
) -> dict[str, np.ndarray]:
    """Decodes the JSON inputs of a request for a signature.

    Raises:
      RequestError: If they are not those of the signature.
    """
    columns = _columns(body.inputs, signature, limit) if body.by_row else body.inputs
    if not isinstance(columns, dict) or set(columns) == {_BINARY}:
        columns = {_only_input(signature): columns}
    checks.require_inputs(signature, list(columns))
    return {name: _tensor(signature.inputs[name], value, limit) for name, value in columns.items()}


def encode(body: Body, outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Writes outputs in the format of the request; a single one stands without its name."""
    columns = {name: _values(name, value) for name, value in outputs.items()}
    if not body.by_row:
        return {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    if any(value.ndim == 0 for value in outputs.values()):
        raise failures.invalid(f'The outputs have no rows: send "{_COLUMNS}".')
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, row, strict=True)) for row in rows]}


def _columns(
    rows: Any, signature: servable.Signature, limit: limits.Limits
) -> dict[str, list[Any]]:
    """The values of each input, from rows."""
    if not isinstance(rows, list) or not 1 <= len(rows) <= limit.max_rows:
        count = len(rows) if isinstance(rows, list) else rows
        raise failures.invalid(
            f'"{_ROWS}" must be a list of 1 to {limit.max_rows} rows. Received: {count!r}.'[:300]
        )
    if not isinstance(rows[0], dict) or set(rows[0]) == {_BINARY}:
        return {_only_input(signature): rows}
    names = set(rows[0])
    for number, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) != names:
            raise failures.invalid(
                f'Row {number} of "{_ROWS}" has other inputs than the first, which has'
                f" {', '.join(sorted(names))}."
            )
    return {name: [row[name] for row in rows] for name in rows[0]}


def _only_input(signature: servable.Signature) -> str:
    needed = [name for name in signature.inputs if name not in signature.defaults]
    if len(needed) != 1:
        raise failures.invalid(
            f"Signature {signature.name!r} has several inputs; name them: {', '.join(needed)}."
        )
    return needed[0]


def _tensor(spec: tf.TensorSpec, value: Any, limit: limits.Limits) -> np.ndarray:
    """Decodes one input.

    Raises:
      RequestError: If it has another shape or type than the signature says.
    """
    shape = _shape(value)
    checks.require_shape(spec, spec.dtype, shape, limit)
    scalars = list(_flat(value, shape, spec.name))
    convert = _convert_text if spec.dtype == tf.string else _convert_number
    values = [convert(spec, scalar) for scalar in scalars]
    dtype = object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
    array = np.empty(len(values), dtype)
    array[:] = values
    return array.reshape(shape)


def _shape(value: Any) -> list[int]:
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _flat(value: Any, shape: Sequence[int], name: str) -> Any:
    """Yields the scalars of nested lists, all of which must have the shape."""
    if not shape:
        if isinstance(value, list):
            raise failures.invalid(
                f"The lists in input {name!r} differ in their lengths or depths."
            )
        yield value
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        raise failures.invalid(f"The lists in input {name!r} differ in their lengths or depths.")
    for part in value:
        yield from _flat(part, shape[1:], name)


def _convert_text(spec: tf.TensorSpec, value: Any) -> bytes:
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise failures.invalid(
                f"Input {spec.name!r} holds half of a surrogate pair, which is no Unicode text."
            ) from error
    if isinstance(value, dict) and set(value) == {_BINARY}:
        try:
            return base64.b64decode(value[_BINARY], validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise failures.invalid(f"Input {spec.name!r} has invalid base64: {error}.") from error
    raise failures.invalid(f"Input {spec.name!r} must hold strings. Received: {_shown(value)}.")


def _convert_number(spec: tf.TensorSpec, value: Any) -> Any:
    dtype = spec.dtype
    if dtype.is_bool:
        fits = isinstance(value, bool)
    elif dtype.is_integer:
        fits = type(value) is int and dtype.min <= value <= dtype.max
    else:
        fits = type(value) in (int, float)
    if not fits:
        raise failures.invalid(
            f"Input {spec.name!r} must hold {dtype.name} numbers. Received: {_shown(value)}."
        )
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:100] + "..."


def _values(name: str, value: np.ndarray) -> Any:
    if value.dtype != object:
        return value.tolist()
    write = _binary if name.endswith("_bytes") else _text
    flat = [write(text) for text in value.reshape(-1)]
    array = np.empty(len(flat), object)
    array[:] = flat
    return array.reshape(value.shape).tolist()


def _binary(value: bytes) -> dict[str, str]:
    return {_BINARY: base64.b64encode(value).decode("ascii")}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
