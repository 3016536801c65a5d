# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The soak of the server runs as its README prints it, on two tiny exports."""

import dataclasses
import importlib
import json
import pathlib
import runpy
import sys

import pytest

from realm_tf import types
from serving import replies
from tests.serving import tiny_system

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "serving_soak.py"


@pytest.mark.slow
def test_nothing_is_lost(tmp_path, monkeypatch, capsys):
    models = [
        tiny_system.export_of(str(tmp_path / name), texts)
        for name, texts in (("before", tiny_system.TEXTS), ("after", tiny_system.TEXTS[1:]))
    ]
    questions = tmp_path / "questions.txt"
    questions.write_text("Where?\nWho?\nWhat is Paris?\nWhen?\n")
    options = ["--minutes", "0.5", "--versions", "2"]
    monkeypatch.setattr(sys, "argv", ["serving_soak.py", str(questions), *models, *options])
    monkeypatch.setenv("PYTHONPATH", str(SCRIPT.parents[1]))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["alive"]
    assert found["good"] > 20
    assert found["answers"] > found["good"]
    assert found["faults"] == []
    assert found["lost"] == found["wrong"] == found["hostile that ended otherwise"] == 0
    assert set(found["memory_mb"]) == set(found["answered by version"]) == {"1", "2", "3"}
    assert len(found["hostile"]) > 10


def test_what_should_not_be_is_seen():
    """A server that answers otherwise, or not at all, is told from one that is right."""
    soak = importlib.import_module("benchmarks.serving_soak")
    answer = types.Answer("a", 3.0, 7, "d", "t", "a b", 0, 1, 0.1, 3.0, 0.0)
    right = replies.Reply("?", (answer, answer))
    near, far = (dataclasses.replace(answer, score=3.0 + by) for by in (1e-4, 1e-2))
    assert soak._same(replies.Reply("?", (answer, near)), right)
    for wrong in ((answer, far), (answer,), (answer, dataclasses.replace(answer, block_id=8))):
        assert not soak._same(replies.Reply("?", wrong), right)
    attacks = importlib.import_module("benchmarks.hostile_requests")
    attacker = attacks.Attacker("127.0.0.1:9", "127.0.0.1:9")
    assert attacker.attack("empty") == ("ConnectionRefusedError", False)
    assert attacker.attack("gRPC: scalar") == ("UNAVAILABLE", False)
