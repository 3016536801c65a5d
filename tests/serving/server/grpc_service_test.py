# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The gRPC interface is TF Serving's."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.server import limits
from tests.serving.server import live, models


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    models.save(path, 1)
    models.save(path, 2)
    with live.serve(path, limits=limits.Limits(max_rows=40, max_queue_rows=64)) as running:
        yield running


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.addresses.grpc) as opened:
        yield opened


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def admin(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def _request(inputs, signature="", **spec):
    request = predict_pb2.PredictRequest(
        model_spec={"name": "realm", "signature_name": signature, **spec}
    )
    for name, value in inputs.items():
        is_proto = hasattr(value, "tensor_shape")
        request.inputs[name].CopyFrom(value if is_proto else tf.make_tensor_proto(value))
    return request


def _outputs(response):
    return {name: tf.make_ndarray(value).tolist() for name, value in response.outputs.items()}


def test_predict(stub):
    response = stub.Predict(_request({"question": ["a", "É"]}), timeout=30)
    assert _outputs(response) == {"answer": [b"A", "É".encode()], "version": [2, 2]}
    assert response.model_spec.version.value == 2
    assert response.model_spec.signature_name == "serving_default"


def test_output_filter(stub):
    request = _request({"question": ["a"]})
    request.output_filter.append("version")
    assert _outputs(stub.Predict(request, timeout=30)) == {"version": [2]}


def test_default_of_an_input(stub):
    response = stub.Predict(_request({"question": ["a"]}, "top"), timeout=30)
    assert _outputs(response) == {"k": [3], "place": [[0, 1, 2]]}


def test_metadata(stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        model_spec={"name": "realm", "version": {"value": 2}}, metadata_field=["signature_def"]
    )
    response = stub.GetModelMetadata(request, timeout=30)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def) == {
        *("serving_default", "refuse", "top", "under_filter", "norm", "scale", "slow")
    }


def _huge(dtype):
    """A tensor that claims more values than memory holds."""
    proto = tf.make_tensor_proto(np.zeros(1, dtype))
    proto.tensor_shape.dim[0].size = 1 << 40
    return proto


def _unshaped():
    proto = tf.make_tensor_proto(["a"])
    proto.tensor_shape.dim[0].size = -1
    return proto


def _short():
    proto = tf.make_tensor_proto([[1.0, 2.0]])
    proto.tensor_content = b"abc"
    return proto


@pytest.mark.parametrize(
    ("inputs", "signature", "message"),
    [
        ({"question": "scalar"}, "", "Received: shape []"),
        ({"question": [["a"]]}, "", "Received: shape [1, 1]"),
        ({"question": [1]}, "", "must be string of shape (None,). Received: int32"),
        ({"question": [b"\xff"]}, "", "is not UTF-8"),
        ({"question": ["a" * 20_000]}, "", "has 20000 bytes"),
        ({"question": ["a"] * 41}, "", "from 1 to 40 rows"),
        ({"question": tf.make_tensor_proto([], tf.string)}, "", "from 1 to 40 rows"),
        ({"question": _huge(np.int32)}, "", "must be string"),
        ({"turns": _huge(np.int32)}, "slow", "from 1 to 40 rows"),
        ({"question": _unshaped()}, "", "not known in full"),
        ({"vector": _short()}, "norm", "cannot be decoded"),
        ({"vector": [[1.0]]}, "norm", "Received: shape [1, 1]"),
        ({"vector": [[1, 2]]}, "norm", "Received: int32"),
        ({"query": ["a"]}, "", "no input 'query'"),
        ({}, "", "needs the input 'question'"),
        ({"question": ["a"], "k": [np.nan]}, "top", "must be int32"),
        ({"question": ["a"], "k": np.int32([-1])}, "top", "from 1 to 1000"),
        ({"question": ["a", "b"], "k": np.int32([1])}, "top", "differ in their number of rows"),
        ({"question": ["bad"]}, "refuse", "a bad question"),
        ({"question": ["a"]}, "nothing", "no signature 'nothing'"),
    ],
)
def test_wrong_inputs_are_refused(stub, inputs, signature, message):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(_request(inputs, signature), timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert message in caught.value.details()


def test_unknown_models_and_versions(stub, admin):
    wrong = ({"name": "other"}, {"version": {"value": 9}}, {"version_label": "new"})
    for spec in wrong:
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(_request({"question": ["a"]}, **{"name": "realm", **spec}), timeout=30)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError, match="not served here"):
        admin.GetModelStatus(
            get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "other"}), timeout=30
        )


def test_methods_of_examples_are_refused(stub):
    methods = (
        (stub.Classify, classification_pb2.ClassificationRequest()),
        (stub.Regress, regression_pb2.RegressionRequest()),
        (stub.MultiInference, inference_pb2.MultiInferenceRequest()),
    )
    for method, request in methods:
        with pytest.raises(grpc.RpcError, match="Call Predict") as caught:
            method(request, timeout=30)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_deadline_is_honoured(server, stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(_request({"turns": np.int32([100_000])}, "slow"), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert _outputs(stub.Predict(_request({"question": ["a"]}), timeout=30))["answer"] == [b"A"]


def test_health(channel):
    response = health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(), timeout=30
    )
    assert response.status == health_pb2.HealthCheckResponse.SERVING


def _statuses(admin):
    request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "realm"})
    found = admin.GetModelStatus(request, timeout=30).model_version_status
    names = get_model_status_pb2.ModelVersionStatus.State
    return {one.version: names.Name(one.state) for one in found}


def test_configuration_is_reloaded(admin, stub):
    assert _statuses(admin) == {2: "AVAILABLE"}
    config = {"name": "realm", "version_labels": {"old": 1}}
    request = model_management_pb2.ReloadConfigRequest(
        config={"model_config_list": {"config": [config]}}
    )
    assert admin.HandleReloadConfigRequest(request, timeout=30).status.error_code == 0
    assert _statuses(admin) == {2: "AVAILABLE", 1: "AVAILABLE"}
    response = stub.Predict(_request({"question": ["a"]}, version_label="old"), timeout=30)
    assert _outputs(response)["version"] == [1]

    specific = {"model_version_policy": {"specific": {"versions": [1]}}}
    request.config.model_config_list.config[0].MergeFrom(
        type(request.config.model_config_list.config[0])(**specific)
    )
    admin.HandleReloadConfigRequest(request, timeout=30)
    assert _statuses(admin) == {2: "END", 1: "AVAILABLE"}

    for change, message in (
        ({"name": "other"}, "takes no other"),
        ({"name": "realm", "base_path": "/else"}, "cannot be changed"),
        ({"name": "realm", "version_labels": {"new": 9}}, "version 9, which cannot be served"),
    ):
        wrong = model_management_pb2.ReloadConfigRequest(
            config={"model_config_list": {"config": [change]}}
        )
        with pytest.raises(grpc.RpcError, match=message) as caught:
            admin.HandleReloadConfigRequest(wrong, timeout=30)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert _statuses(admin)[1] == "AVAILABLE"
