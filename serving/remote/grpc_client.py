# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A model behind TF Serving's gRPC interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from realm_tf import types
from serving.remote import endpoint

_BUSY = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
_SIGNATURES = "signature_def"


class GrpcEndpoint(endpoint.Endpoint):
    """A model at an address of gRPC.

    Args:
      url: `grpc://HOST:PORT`, or `grpcs://HOST:PORT` with TLS.
      options: How it is called.

    Raises:
      UserError: If the file of certificates cannot be read.
    """

    def __init__(self, url: str, options: endpoint.Options):
        super().__init__(options)
        scheme, _, address = url.rstrip("/").partition("://")
        self._url = url
        limits = [("grpc.max_receive_message_length", -1)]
        if scheme == "grpcs":
            credentials = grpc.ssl_channel_credentials(_certificates(options.ca_file))
            self._channel = grpc.secure_channel(address, credentials, limits)
        else:
            self._channel = grpc.insecure_channel(address, limits)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(self, inputs: Mapping[str, Any], signature: str = "") -> dict[str, Any]:
        """See `Endpoint.predict`."""
        found = self.predict_arrays(inputs, signature)
        return {name: _lists(value) for name, value in found.items()}

    def predict_arrays(
        self, inputs: Mapping[str, Any], signature: str = "", version: int | None = None
    ) -> dict[str, np.ndarray]:
        """As `predict`, of one version or the newest, with outputs as arrays: texts are bytes."""
        request = predict_pb2.PredictRequest(
            model_spec={**self._spec(version), "signature_name": signature},
            inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()},
        )
        outputs = self._call(self._predictions.Predict, request).outputs
        return {name: tf.make_ndarray(value) for name, value in outputs.items()}

    def versions(self) -> dict[int, str]:
        """See `Endpoint.versions`."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec())
        found = self._call(self._models.GetModelStatus, request).model_version_status
        names = get_model_status_pb2.ModelVersionStatus.State
        return {one.version: names.Name(one.state) for one in found}

    def signatures(self) -> dict[str, list[str]]:
        """See `Endpoint.signatures`."""
        return {name: sorted(one.inputs) for name, one in self.signature_defs().items()}

    def signature_defs(self, version: int | None = None) -> dict[str, Any]:
        """The signatures of one version, or of the newest, as a SavedModel describes them.

        Raises:
          UserError: As for `predict`.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec(version), metadata_field=[_SIGNATURES]
        )
        response = self._call(self._predictions.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[_SIGNATURES].Unpack(found)
        return {name: one for name, one in found.signature_def.items() if name[:2] != "__"}

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _spec(self, version: int | None = None) -> dict[str, Any]:
        spec: dict[str, Any] = {"name": self._options.model}
        return spec if version is None else {**spec, "version": {"value": version}}

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        token = self._options.token
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        try:
            return method(request, timeout=self._options.timeout_secs, metadata=metadata)
        except grpc.RpcError as error:
            raise _refusal(self._url, error) from error


def _certificates(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise types.UserError(f"{path} cannot be read: {error.strerror}.") from error


def _refusal(url: str, error: Any) -> types.UserError:
    if error.code() == grpc.StatusCode.INVALID_ARGUMENT:
        return endpoint.RefusedError(f"{url} refuses the request: {error.details()}")
    message = f"{url} does not answer ({error.code().name}): {error.details()}"
    if error.code() not in _BUSY:
        return types.UserError(message)
    wait = dict(error.trailing_metadata() or ()).get("retry-after", "")
    return endpoint.OverloadedError(message, float(wait) if wait.isdecimal() else 1.0)


def _lists(value: np.ndarray) -> Any:
    if value.dtype != object:
        return value.tolist()
    return np.vectorize(_text, otypes=[object])(value).tolist() if value.size else value.tolist()


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
