# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files for TF Serving, Docker and Kubernetes parse, and fit the servers and each other."""

import ast
import pathlib
import re

import pytest
import yaml
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.config import model_server_config_pb2

from realm_tf.cli import main
from serving import versions
from serving.server import limits

DEPLOY = pathlib.Path(__file__).parents[2] / "serving" / "deploy"
YAML = sorted(DEPLOY.rglob("*.yaml"))
# Those of tensorflow/serving's session_bundle_config.proto and monitoring_config.proto, of which
# the Python package has no classes: (name, type).
_BATCHING = (
    *((n, "Int64Value") for n in ("max_batch_size", "batch_timeout_micros")),
    *((n, "Int64Value") for n in ("max_enqueued_batches", "num_batch_threads")),
    ("pad_variable_length_inputs", bool),
    ("allowed_batch_sizes", int),
)
_MONITORING = (("enable", bool), ("path", str))


def _message(name, fields):
    """A message class with these fields."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{name}.proto", package="t", syntax="proto3", dependency=["wrappers.proto"]
    )
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields, 1):
        label = kinds.LABEL_REPEATED if kind is int else kinds.LABEL_OPTIONAL
        added = message.field.add(name=field, number=number, label=label)
        if isinstance(kind, str):
            added.type = kinds.TYPE_MESSAGE
            added.type_name = f".google.protobuf.{kind}"
        else:
            added.type = {bool: kinds.TYPE_BOOL, str: kinds.TYPE_STRING, int: kinds.TYPE_INT64}[
                kind
            ]
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    wrappers.name = "wrappers.proto"
    pool.Add(wrappers)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{name}"))()


def _text(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def test_models_have_labels_of_versions_that_are_served():
    config = text_format.Parse(_text("models.config"), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("realm", "/models/realm")
    served = set(model.model_version_policy.specific.versions)
    assert set(model.version_labels) == {"stable", "canary"}
    assert set(model.version_labels.values()) <= served


def test_batches_are_those_of_realm_serve():
    found = text_format.Parse(_text("batching.config"), _message("Batching", _BATCHING))
    limit = limits.Limits()
    assert found.max_batch_size.value == limit.max_batch_size
    assert found.batch_timeout_micros.value == 1000 * limit.max_batch_delay_ms
    assert found.num_batch_threads.value == limit.batch_threads
    rows = found.max_enqueued_batches.value * found.max_batch_size.value
    assert rows == limit.max_queue_rows
    assert max(found.allowed_batch_sizes) == found.max_batch_size.value  # as TF Serving demands


def test_monitoring():
    text = re.search(r"prometheus_config \{(.*)\}", _text("monitoring.config"), re.DOTALL)
    found = text_format.Parse(text.group(1), _message("Monitoring", _MONITORING))
    assert found.enable
    assert found.path == "/monitoring/prometheus/metrics"


def _documents(path):
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _container(name):
    deployment, service = _documents(DEPLOY / "kubernetes" / name)
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    template = deployment["spec"]["template"]
    assert service["spec"]["selector"] == template["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
    (container,) = template["spec"]["containers"]
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    ports = {port["name"] for port in container["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    return template["spec"], container


def _command_of(dockerfile, word):
    """The list of a CMD or an ENTRYPOINT."""
    text = _text(dockerfile).replace("\\\n", " ")
    return ast.literal_eval(re.search(rf"^{word} (\[.*\])", text, re.MULTILINE).group(1))


def _realm_options():
    known = main.main.commands["serve"].params
    return {option for parameter in known for option in parameter.opts}


def test_realm_serve_on_kubernetes():
    spec, container = _container("realm-serve.yaml")
    args = container["args"]
    given = dict(zip(args[::2], args[1::2], strict=True))
    assert set(given) <= _realm_options()
    waits = float(given["--drain-secs"]) + float(given["--timeout-secs"])
    assert spec["terminationGracePeriodSeconds"] > waits
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_tf_serving_is_called_alike_everywhere():
    _, container = _container("tf-serving.yaml")
    options = set(container["args"]) - {"--port=8500", "--rest_api_port=8501"}
    assert set(_command_of("Dockerfile.stock", "CMD")) == options
    program, *more = _command_of("Dockerfile.scann", "ENTRYPOINT")
    assert [program] == container["command"]
    assert set(more) == set(container["args"])
    files = {option.rpartition("/")[2] for option in options if "/etc/tf_serving/" in option}
    assert files == {"models.config", "batching.config", "monitoring.config"}
    assert all((DEPLOY / name).exists() for name in files)


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("Dockerfile.*")), ids=lambda p: p.name)
def test_dockerfiles_copy_what_is_there_and_run_as_nobody(path):
    text = path.read_text(encoding="utf-8")
    root = DEPLOY.parents[1] if path.suffix == ".realm" else DEPLOY
    for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (root / name).exists(), name
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["65534:65534"]


def test_realm_serve_in_docker():
    words = [
        *_command_of("Dockerfile.realm", "ENTRYPOINT"),
        *_command_of("Dockerfile.realm", "CMD"),
    ]
    assert words[:2] == ["realm", "serve"]
    assert {word for word in words if word.startswith("--")} <= _realm_options()


def test_compose_builds_from_what_is_there():
    (compose,) = _documents(DEPLOY / "docker-compose.yaml")
    for service in compose["services"].values():
        if build := service.get("build"):
            assert (DEPLOY / build["context"] / build["dockerfile"]).exists()
        assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])
    command = compose["services"]["realm"]["command"]
    assert {word for word in command if word.startswith("--")} <= _realm_options()
    (prometheus,) = _documents(DEPLOY / "prometheus.yaml")
    (job,) = prometheus["scrape_configs"]
    targets = {
        target.partition(":")[0] for one in job["static_configs"] for target in one["targets"]
    }
    assert targets <= set(compose["services"])


def test_shards_are_those_of_an_export_and_all_are_asked():
    config = text_format.Parse(_text("shard.config"), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert model.model_version_policy.latest.num_versions == 2  # see the file
    (compose,) = _documents(DEPLOY / "docker-compose-shards.yaml")
    realm = compose["services"].pop("realm")
    assert "ports" not in str(compose["services"])  # nobody else reaches them
    command = realm["command"]
    assert set(command[::2]) == {"--shard"} <= _realm_options()
    assert command[1::2] == [f"grpc://{name}:8500" for name in compose["services"]]
    assert realm["depends_on"] == list(compose["services"])
    for number, shard in enumerate(compose["services"].values()):
        mounts = dict(
            reversed(volume.removesuffix(":ro").rsplit(":", 1)) for volume in shard["volumes"]
        )
        name = versions.shard_name(number, len(compose["services"]))
        assert mounts[model.base_path].endswith(f"/{name}")
        config_path = shard["command"][0].partition("=")[2]
        assert (DEPLOY / mounts[config_path]).exists()
    assert realm["volumes"][0].endswith("/reader:/models/realm/reader:ro")


def test_every_yaml_file_parses_and_says_that_it_was_not_run():
    assert len(YAML) == 5
    for path in [*YAML, *DEPLOY.glob("*.config"), *DEPLOY.glob("Dockerfile.*")]:
        text = path.read_text(encoding="utf-8")
        assert "ot run" in text or "A test parses it" in text, path.name
        if path.suffix == ".yaml":
            assert _documents(path)
