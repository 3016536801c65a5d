# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""TF Serving's PredictionService and ModelService, on grpc.aio."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf import struct_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from realm_tf import types
from serving.server import access, failures, model_versions, policy, protos, service

SIGNATURE_DEF = "signature_def"  # the one field of metadata that TF Serving knows
METADATA_FIELDS = "metadata_fields"  # ours: a Struct of the types by name
_RETRY_AFTER = "retry-after"
Method = Callable[[Any, Any, grpc.aio.ServicerContext], Awaitable[Any]]


def add_to(server: grpc.aio.Server, model: service.Service, door: access.Access) -> None:
    """Adds TF Serving's services, and gRPC's own for health checks, to a server."""
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(model, door), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(model, door), server)
    health_pb2_grpc.add_HealthServicer_to_server(_Health(model), server)


def _method(function: Method) -> Method:
    """Admits a call first, and answers a refusal with its status."""

    @functools.wraps(function)
    async def wrapped(self: Any, request: Any, context: grpc.aio.ServicerContext) -> Any:
        metadata = dict(context.invocation_metadata() or ())
        try:
            self._door.admit(_address(context.peer()), metadata.get("authorization"))
            return await function(self, request, context)
        except failures.RequestError as error:
            return await _abort(context, error)

    return wrapped


async def _abort(context: grpc.aio.ServicerContext, error: failures.RequestError) -> Any:
    wait = error.retry_after_secs
    trailing = () if wait is None else ((_RETRY_AFTER, str(wait)),)
    return await context.abort(error.code, error.message, trailing)


def _address(peer: str) -> str:
    """The client's address without its port: `ipv4:127.0.0.1:5000` becomes `127.0.0.1`."""
    return (
        peer.partition(":")[2].rpartition(":")[0].strip("[]").replace("%5B", "").replace("%5D", "")
    )


def _target(spec: model_pb2.ModelSpec) -> service.Target:
    return service.Target(
        model=spec.name,
        number=spec.version.value if spec.HasField("version") else None,
        label=spec.version_label,
        signature=spec.signature_name,
    )


def _spec(name: str, number: int, signature: str = "") -> model_pb2.ModelSpec:
    return model_pb2.ModelSpec(name=name, version={"value": number}, signature_name=signature)


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers Predict and GetModelMetadata; what is about tf.Example is refused."""

    def __init__(self, model: service.Service, door: access.Access):
        self._model, self._door = model, door

    @_method
    async def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        prediction = await self._model.predict(
            _target(request.model_spec),
            lambda signature: protos.decode(signature, request.inputs, self._model.limits),
            protocol="grpc",
            timeout_secs=context.time_remaining(),
        )
        names = protos.filtered(prediction.outputs, request.output_filter)
        return predict_pb2.PredictResponse(
            model_spec=_spec(self._model.name, prediction.number, prediction.signature.name),
            outputs={name: tf.make_tensor_proto(prediction.outputs[name]) for name in names},
        )

    @_method
    async def GetModelMetadata(self, request: Any, context: Any) -> Any:  # noqa: N802
        known = (SIGNATURE_DEF, METADATA_FIELDS)
        for field in request.metadata_field:
            if field not in known:
                raise failures.invalid(
                    f"Metadata field {field!r} is not supported; {' and '.join(known)} are."
                )
        if not request.metadata_field:
            raise failures.invalid(f"Name a metadata_field: {' or '.join(known)}.")
        return metadata(self._model, _target(request.model_spec), request.metadata_field)

    @_method
    async def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise _only_predict("Classify")

    @_method
    async def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise _only_predict("Regress")

    @_method
    async def MultiInference(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise _only_predict("MultiInference")


def _only_predict(method: str) -> failures.RequestError:
    return failures.unimplemented(
        f"{method} takes tf.Example records, which this model does not. Call Predict."
    )


def metadata(
    model: service.Service, target: service.Target, wanted: Collection[str]
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """TF Serving's GetModelMetadata: the signatures, and the fields that `filter` knows.

    Raises:
      RequestError: If the version is not served.
    """
    model.require_model(target.model)
    with model.versions.use(target.number, target.label) as version:
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=version.signature_defs)
        fields = struct_pb2.Struct()
        fields.update(version.metadata_fields)
        response = get_model_metadata_pb2.GetModelMetadataResponse(
            model_spec=_spec(model.name, version.number)
        )
    for name, content in ((SIGNATURE_DEF, signatures), (METADATA_FIELDS, fields)):
        if name in wanted:
            response.metadata[name].Pack(content)
    return response


def statuses(
    model: service.Service, target: service.Target
) -> get_model_status_pb2.GetModelStatusResponse:
    """TF Serving's GetModelStatus: the states of the versions, newest first.

    Raises:
      RequestError: If the version is not known.
    """
    model.require_model(target.model)
    found = model.versions.statuses(target.number, target.label)
    return get_model_status_pb2.GetModelStatusResponse(
        model_version_status=[_status(number, status) for number, status in found.items()]
    )


def _status(number: int, status: model_versions.Status) -> get_model_status_pb2.ModelVersionStatus:
    code = grpc.StatusCode.INTERNAL if status.error else grpc.StatusCode.OK
    return get_model_status_pb2.ModelVersionStatus(
        version=number,
        state=status.state.value,
        status={"error_code": code.value[0], "error_message": status.error},
    )


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Tells the states of the versions, and takes other version policies and labels."""

    def __init__(self, model: service.Service, door: access.Access):
        self._model, self._door = model, door

    @_method
    async def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        return statuses(self._model, _target(request.model_spec))

    @_method
    async def HandleReloadConfigRequest(self, request: Any, context: Any) -> Any:  # noqa: N802
        await self._model.versions.reconfigure(_policy(request.config, self._model))
        return model_management_pb2.ReloadConfigResponse(status={"error_code": 0})


def _policy(
    config: model_server_config_pb2.ModelServerConfig, model: service.Service
) -> policy.Policy:
    """Reads what a new configuration says of the one model of this server.

    Raises:
      RequestError: If it is about another model or directory.
    """
    found = list(config.model_config_list.config)
    if len(found) != 1 or found[0].name != model.name:
        names = ", ".join(repr(one.name) for one in found) or "none"
        raise failures.invalid(
            f"This server has one model, {model.name!r}, and takes no other. Received: {names}."
        )
    if found[0].base_path not in ("", model.path):
        raise failures.invalid(
            f"The directory of {model.name!r} is {model.path!r} and cannot be changed. Received:"
            f" {found[0].base_path!r}."
        )
    return _policy_of(found[0])


def _policy_of(config: model_server_config_pb2.ModelConfig) -> policy.Policy:
    wanted = config.model_version_policy
    labels = dict(config.version_labels)
    try:
        if wanted.HasField("specific"):
            return policy.Policy(specific=frozenset(wanted.specific.versions), labels=labels)
        if wanted.HasField("all"):
            return policy.Policy(latest=policy.ALL, labels=labels)
        return policy.Policy(latest=wanted.latest.num_versions or 1, labels=labels)
    except types.UserError as error:
        raise failures.invalid(str(error)) from error


class _Health(health_pb2_grpc.HealthServicer):
    """gRPC's health protocol, which Kubernetes and load balancers speak; it needs no token."""

    def __init__(self, model: service.Service):
        self._model = model

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        status = health_pb2.HealthCheckResponse.ServingStatus
        state = status.SERVING if self._model.is_ready else status.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=state)
