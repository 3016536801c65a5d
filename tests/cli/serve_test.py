# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm serve`, as a process of its own, and what it refuses."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import click.testing
import pytest

from realm_tf.cli import main
from serving.server import limits
from tests.serving.server import models

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.slow
def test_server_starts_answers_and_stops(tmp_path):
    models.save(tmp_path / "model", 1)
    token = tmp_path / "token"
    token.write_text("secret\n")
    ports = ("--grpc-port", "0", "--rest-port", "0", "--json")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "realm_tf", "serve", str(tmp_path / "model"), *ports),
            *("--page", "--token-file", str(token), "--label", "stable=1", "--max-rows", "2"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        addresses = json.loads(process.stdout.readline())
        url = addresses["rest"]
        with urllib.request.urlopen(url, timeout=30) as response:
            assert b"<title>Ask realm</title>" in response.read()
        path = f"{url}/v1/models/realm/labels/stable:predict"
        asked = urllib.request.Request(
            path, b'{"inputs": ["a"]}', {"Authorization": "Bearer secret"}
        )
        with urllib.request.urlopen(asked, timeout=30) as response:
            assert json.load(response)["outputs"] == {"answer": ["A"], "version": [1]}
        asked.data = b'{"inputs": ["a", "b", "c"]}'
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(asked, timeout=30)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Version 1 of realm is available." in errors
        assert "Traceback" not in errors
    finally:
        process.kill()


def _refusal(*args):
    found = click.testing.CliRunner().invoke(main.main, ["serve", *map(str, args)])
    assert found.exit_code == 2
    return found.stderr


def test_directory_or_address_is_needed(tmp_path):
    assert "either the DIRECTORY" in _refusal()
    assert "either the DIRECTORY" in _refusal(tmp_path, "--check", "http://localhost")
    assert "holds no exported model" in _refusal(tmp_path)
    assert "An address begins with http://" in _refusal("--check", "localhost:8501")


def test_versions_are_served_from_the_directory_that_holds_them(tmp_path):
    version = tmp_path / "model" / "1"
    version.mkdir(parents=True)
    (version / "saved_model.pb").touch()
    assert f"Give the directory that holds it: {version.parent}." in _refusal(version)


def test_shards_elsewhere_need_the_reader_and_addresses_of_grpc(tmp_path):
    (tmp_path / "1").mkdir()
    assert "holds no exported model" in _refusal(tmp_path, "--shard", "grpc://localhost:9")
    (tmp_path / "reader" / "1").mkdir(parents=True)
    told = _refusal(tmp_path, "--shard", "http://localhost:9")
    assert "address of a shard begins with grpc:// or grpcs://. Received: http:" in told
    told = _refusal(tmp_path, "--shard", "grpc://localhost:9", "--shard-token-file", "/gone")
    assert "token file /gone cannot be read" in told


def test_wrong_options(tmp_path):
    (tmp_path / "1").mkdir()
    assert "token file /gone cannot be read" in _refusal(tmp_path, "--token-file", "/gone")
    assert "NAME=VERSION" in _refusal(tmp_path, "--label", "stable")
    assert "max_batch_size must be positive" in _refusal(tmp_path, "--max-batch-size", 0)
    assert "both a certificate" in _refusal(tmp_path, "--tls-cert", "cert.pem")


def test_defaults_are_those_of_the_limits():
    options = {option.name: option.default for option in main.main.commands["serve"].params}
    for name, value in vars(limits.Limits()).items():
        assert options[name] == value
