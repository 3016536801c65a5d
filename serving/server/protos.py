# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decodes the tensors of gRPC requests, which say of themselves how large they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.server import checks, failures, limits, servable


def decode(
    signature: servable.Signature,
    protos: Mapping[str, tensor_pb2.TensorProto],
    limit: limits.Limits,
) -> dict[str, np.ndarray]:
    """Decodes the inputs of a request.

    Type and shape are checked first: a few bytes can claim any number of values.

    Raises:
      RequestError: If the inputs are not those of the signature.
    """
    checks.require_inputs(signature, list(protos))
    inputs = {}
    for name, proto in protos.items():
        if proto.tensor_shape.unknown_rank or any(d.size < 0 for d in proto.tensor_shape.dim):
            raise failures.invalid(f"The shape of input {name!r} is not known in full.")
        shape = [dim.size for dim in proto.tensor_shape.dim]
        spec = signature.inputs[name]
        checks.require_shape(spec, _dtype(name, proto), shape, limit)
        try:
            inputs[name] = tf.make_ndarray(proto).reshape(shape)
        except (TypeError, ValueError, IndexError) as error:
            raise failures.invalid(f"Input {name!r} cannot be decoded: {error}.") from error
    return inputs


def _dtype(name: str, proto: tensor_pb2.TensorProto) -> tf.DType:
    try:
        return tf.as_dtype(proto.dtype)
    except TypeError as error:
        raise failures.invalid(f"Input {name!r} has no valid type.") from error


def filtered(outputs: Iterable[str], output_filter: Sequence[str]) -> list[str]:
    """Names of the outputs that a gRPC request asks for in its filter: all, if that is empty.

    Raises:
      RequestError: If it names one that is not there.
    """
    names = list(outputs)
    for name in output_filter:
        if name not in names:
            raise failures.invalid(f"There is no output {name!r}. There are: {', '.join(names)}.")
    return list(output_filter) or names
