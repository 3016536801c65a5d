# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The REST interface is TF Serving's."""

import base64
import datetime
import math
import re
import time

import pytest

from serving.server import limits, policy
from tests.serving.server import live, models

BASE = "/v1/models/realm"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    models.save(path, 1)
    models.save(path, 2)
    limit = limits.Limits(max_rows=40, max_batch_size=16, max_queue_rows=64, max_k=50)
    with live.serve(path, limits=limit, policy=policy.Policy(labels={"old": 1})) as running:
        yield running


def _predict(server, body, path=BASE):
    return live.call(server, f"{path}:predict", body)


def test_rows(server):
    found = _predict(server, {"instances": ["a", {"b64": base64.b64encode(b"b").decode()}]})
    assert (found.status, found.headers["x-model-version"]) == (200, "2")
    assert found.headers["x-snapshot-step"] == "200"
    assert found.body == {
        "predictions": [{"answer": "A", "version": 2}, {"answer": "B", "version": 2}]
    }
    named = _predict(server, {"instances": [{"question": "a"}, {"question": "b"}]})
    assert named.body == found.body


def test_columns(server):
    expected = {"outputs": {"answer": ["A", "É"], "version": [2, 2]}}
    for inputs in ({"question": ["a", "É"]}, ["a", "É"]):
        assert _predict(server, {"inputs": inputs}).body == expected


def test_single_output_stands_without_its_name(server):
    body = {"signature_name": "norm", "inputs": [[1, 2], [0.5, 0]]}
    assert _predict(server, body).body == {"outputs": [5.0, 0.25]}
    body = {"signature_name": "norm", "instances": [{"vector": [1, 2]}]}
    assert _predict(server, body).body == {"predictions": [5.0]}
    body = b'{"signature_name": "norm", "instances": [[NaN, Infinity]]}'
    assert math.isnan(_predict(server, body).body["predictions"][0])


def test_binary_outputs_and_inputs_without_batch(server):
    body = {"signature_name": "scale", "inputs": {"factor": 2.5, "flag_bytes": [True, False]}}
    assert _predict(server, body).body["outputs"] == {
        "number": [2.5, 0.0],
        "text_bytes": [{"b64": "/wA="}, {"b64": ""}],
    }


def test_defaults_are_filled_in(server):
    outputs = _predict(server, {"signature_name": "top", "inputs": ["a", "b"]}).body["outputs"]
    assert outputs == {"k": [3, 3], "place": [[0, 1, 2], [0, 1, 2]]}
    body = {"signature_name": "top", "inputs": {"question": ["a", "b"], "k": [1, 2]}}
    assert _predict(server, body).body["outputs"]["place"] == [[0, 1], [0, 1]]


def test_versions_and_labels(server):
    for path, version in ((f"{BASE}/versions/1", 1), (f"{BASE}/labels/old", 1), (BASE, 2)):
        found = _predict(server, {"instances": ["a"]}, path)
        assert found.body["predictions"][0]["version"] == version
        status = live.call(server, path).body["model_version_status"]
        assert str(version) in [one["version"] for one in status]
    assert status == [
        {"version": n, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        for n in ("2", "1")
    ]


def test_metadata(server):
    found = live.call(server, f"{BASE}/versions/1/metadata").body
    assert found["model_spec"] == {
        "name": "realm",
        "version": "1",
        "signature_name": "",
    } | {key: found["model_spec"][key] for key in ("version_label",) if key in found["model_spec"]}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["question"]["dtype"] == "DT_STRING"
    assert signature["inputs"]["question"]["tensor_shape"]["dim"][0]["size"] == "-1"
    assert signature["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"\xff\xfe{}", 400, "not JSON"),
        ({"instances": ["a"], "inputs": ["a"]}, 400, "either"),
        ([], 400, "either"),
        ({"instances": ["a"], "k": 1}, 400, "'k'"),
        ({"instances": ["a"], "signature_name": 3}, 400, "must be a string"),
        ({"instances": ["a"], "signature_name": "none"}, 400, "It has: norm, refuse,"),
        ({"instances": []}, 400, "list of 1 to 40 rows"),
        ({"instances": "a"}, 400, "list of 1 to 40 rows"),
        ({"instances": ["a"] * 41}, 400, "list of 1 to 40 rows. Received: 41"),
        ({"inputs": ["a"] * 41}, 400, "from 1 to 40 rows. Received: 41"),
        ({"inputs": []}, 400, "from 1 to 40 rows. Received: 0"),
        ({"inputs": "a"}, 400, "Received: shape []"),
        ({"inputs": [["a"]]}, 400, "Received: shape [1, 1]"),
        ({"inputs": [1]}, 400, "must hold strings. Received: 1"),
        ({"inputs": [None]}, 400, "must hold strings. Received: None"),
        ({"inputs": ["a", ["b"]]}, 400, "differ in their lengths or depths"),
        ({"inputs": ["\ud800"]}, 400, "surrogate"),
        ({"inputs": [{"b64": "/w=="}]}, 400, "not UTF-8"),
        ({"inputs": [{"b64": "?"}]}, 400, "invalid base64"),
        ({"inputs": [{"b64": 3}]}, 400, "invalid base64"),
        ({"inputs": ["a" * 16_385]}, 400, "has 16385 bytes; at most 16384"),
        ({"inputs": {"questions": ["a"]}}, 400, "no input 'questions'. It has: question"),
        ({"inputs": {}}, 400, "needs the input 'question'"),
        ({"instances": [{"question": "a"}, {}]}, 400, "Row 1"),
        ({"signature_name": "top", "inputs": {"question": ["a"], "k": [51]}}, 400, "1 to 50"),
        ({"signature_name": "top", "inputs": {"question": ["a"], "k": [0]}}, 400, "1 to 50"),
        ({"signature_name": "top", "inputs": {"question": ["a"], "k": [1.0]}}, 400, "int32"),
        ({"signature_name": "top", "inputs": {"question": ["a"], "k": [True]}}, 400, "int32"),
        ({"signature_name": "top", "inputs": {"question": ["a"], "k": [2**31]}}, 400, "int32"),
        ({"signature_name": "top", "inputs": {"question": ["a"], "k": [1, 1]}}, 400, "differ"),
        (b'{"signature_name":"top","inputs":{"question":["a"],"k":[NaN]}}', 400, "int32"),
        ({"signature_name": "norm", "inputs": [[1, 2], [3]]}, 400, "differ in their lengths"),
        ({"signature_name": "norm", "inputs": [[1, 2, 3]]}, 400, "Received: shape [1, 3]"),
        ({"signature_name": "refuse", "inputs": ["bad"]}, 400, "a bad question"),
    ],
)
def test_what_is_wrong_is_said(server, body, status, message):
    found = _predict(server, body)
    assert (found.status, list(found.body)) == (status, ["error"])
    assert message in found.body["error"]


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/models/other:predict", {"instances": ["a"]}, 404, "'other' is not served"),
        (f"{BASE}/versions/9:predict", {"instances": ["a"]}, 404, "Served: 1, 2"),
        (f"{BASE}/versions/x:predict", {"instances": ["a"]}, 400, "whole number"),
        (f"{BASE}/labels/new:predict", {"instances": ["a"]}, 404, "no label 'new'"),
        (f"{BASE}:classify", {}, 501, "Use :predict"),
        (f"{BASE}:regress", {}, 501, "Use :predict"),
        (f"{BASE}:sing", {}, 404, "Use :predict"),
        (f"{BASE}:predict", None, 405, "Use POST"),
        ("/v1/models/other", None, 404, "'other' is not served"),
        (f"{BASE}/versions/9", None, 404, "not known"),
        ("/healthz", {}, 405, "POST is not for /healthz. Use GET or HEAD."),
        ("/v2", None, 404, "nothing at /v2"),
        ("/", None, 404, "nothing at /"),
    ],
)
def test_wrong_paths(server, path, body, status, message):
    found = live.call(server, path, body)
    assert found.status == status
    assert message in found.body["error"]


def test_large_body_is_refused(server):
    found = _predict(server, {"inputs": ["a" * (5 << 20)]})
    assert found.status == 413
    assert "more than 4194304 bytes" in found.body["error"]


def test_large_request_runs_in_parts(server):
    found = _predict(server, {"inputs": [str(n) for n in range(40)]}).body["outputs"]
    assert found["answer"] == [str(n) for n in range(40)]


def test_health_and_figures(server):
    assert live.call(server, "/healthz").body == "ok\n"
    assert live.call(server, "/readyz").status == 200
    _predict(server, {"instances": ["a"]})
    _predict(server, {"instances": []})
    for path in ("/metrics", "/monitoring/prometheus/metrics"):
        text = live.call(server, path).body
        for line in (
            'realm_requests_total{code="OK",protocol="rest",signature="serving_default"}',
            'realm_requests_total{code="INVALID_ARGUMENT",protocol="rest",signature="serving_def',
            'realm_request_seconds_bucket{le="0.5",protocol="rest",signature="serving_default"}',
            'realm_batch_rows_sum{signature="serving_default"}',
            'realm_version_available{version="2"} 1.0',
            'realm_snapshot_step{version="1"} 100.0',
            "realm_queue_rows 0.0",
        ):
            assert line in text
        ages = dict(re.findall(r'realm_snapshot_age_seconds{version="(.)"} (\S+)', text))
        since = time.time() - datetime.datetime.fromisoformat(models.CREATED).timestamp()
        assert float(ages["2"]) == pytest.approx(since, abs=60)
        assert float(ages["1"]) < 3600  # nothing tells when it was made: since it was written
