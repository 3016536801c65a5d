# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes warm-up requests, which TF Serving replays before it calls a new version available.

The first call of a graph is slow (functions are optimised, memory is allocated), and the first
user should not pay for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
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
}


def write(path: str, signatures: Mapping[str, Any]) -> None:
    """Writes warm-up requests as a file of PredictionLogs: one for each signature and batch size.

    Args:
      path: Path of the file.
      signatures: The signatures of the model by their names: functions with an input signature.
    """
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for name, function in signatures.items():
            for batch_size in BATCH_SIZES:
                writer.write(_log(name, function.input_signature, batch_size).SerializeToString())


def _log(
    signature: str, inputs: Sequence[tf.TensorSpec], batch_size: int
) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(
        # The server fills in the model's name, which is not known here.
        model_spec=model_pb2.ModelSpec(signature_name=signature),
        inputs={spec.name: _entries(spec, batch_size) for spec in inputs},
    )
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )


def _entries(spec: tf.TensorSpec, batch_size: int) -> Any:
    shape = [batch_size, _NUM_BLOCKS][: spec.shape.rank]
    return tf.make_tensor_proto(np.full(shape, _ENTRIES[spec.name]).tolist(), spec.dtype)
