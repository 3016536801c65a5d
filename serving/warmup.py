# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes warm-up requests, which TF Serving replays before it calls a new version available.

The first call of a graph is slow (functions are optimised, memory is allocated), and the first
user should not pay for it.
"""

from __future__ import annotations

import os

import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

PATH = os.path.join("assets.extra", "tf_serving_warmup_requests")
_SIGNATURES = ("serving_default", "retrieve")
_BATCH_SIZES = (1, 8)
_QUESTION = "what is the name of the river that flows through the capital?"


def write(path: str) -> None:
    """Writes a warm-up request for each signature and batch size, as a file of PredictionLogs."""
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for signature in _SIGNATURES:
            for batch_size in _BATCH_SIZES:
                writer.write(_log(signature, batch_size).SerializeToString())


def _log(signature: str, batch_size: int) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest(
        # The server fills in the model's name, which is not known here.
        model_spec=model_pb2.ModelSpec(signature_name=signature),
        inputs={"question": tf.make_tensor_proto([_QUESTION] * batch_size)},
    )
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
