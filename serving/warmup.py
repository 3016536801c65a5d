# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes warm-up requests, which TF Serving replays before it calls a new version available.

The first call of a graph is slow (functions are optimised, memory is allocated), and the first
user should not pay for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

PATH = os.path.join("assets.extra", "tf_serving_warmup_requests")
# The batch sizes that a server's batching pads to (`allowed_batch_sizes`).
BATCH_SIZES = (1, 2, 4, 8, 16, 32)
_NUM_BLOCKS = 5

# What an entry of every input is that a signature may have.
_ENTRIES = {
    "question": "what is the name of the river that flows through the capital?",
    "title": "Capital",
    "block_text": "The capital lies on both banks of the river, which rises in the hills.",
    "retrieval_score": 1.0,
    "k": 10,
    "num_read": _NUM_BLOCKS,
    "num_answers": 5,
    "with_metadata": False,
    "filter": "",
}


def requests(signatures: Mapping[str, Mapping[str, tf.TensorSpec]]) -> Iterator[tuple[str, Any]]:
    """Yields names of signatures and inputs by name, for each signature and batch size.

    Args:
      signatures: The inputs of each signature.
    """
    for name, inputs in signatures.items():
        for batch_size in BATCH_SIZES:
            yield name, {spec.name: _entries(spec, batch_size) for spec in inputs.values()}


def read(path: str) -> Iterator[tuple[str, Any]]:
    """Yields what `requests` does, as a file has it; nothing if there is no such file."""
    if not tf.io.gfile.exists(path):
        return
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def write(path: str, signatures: Mapping[str, Any]) -> None:
    """Writes warm-up requests as a file of PredictionLogs: one for each signature and batch size.

    Args:
      path: Path of the file.
      signatures: The signatures of the model by their names: functions with an input signature.
    """
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        specs = {
            name: {spec.name: spec for spec in function.input_signature}
            for name, function in signatures.items()
        }
        for name, inputs in requests(specs):
            writer.write(_log(name, inputs).SerializeToString())


def _log(signature: str, inputs: Mapping[str, np.ndarray]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(
        # The server fills in the model's name, which is not known here.
        model_spec=model_pb2.ModelSpec(signature_name=signature),
        inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()},
    )
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )


def _entries(spec: tf.TensorSpec, batch_size: int) -> np.ndarray:
    entry, shape = _ENTRIES[spec.name], [batch_size, _NUM_BLOCKS][: spec.shape.rank]
    if isinstance(entry, str):
        return np.full(shape, entry.encode("utf-8"), object)
    return np.full(shape, entry, spec.dtype.as_numpy_dtype)
