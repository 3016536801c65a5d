# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of serving runs as its README prints it, on a tiny export."""

import json
import pathlib
import runpy
import sys

import pytest

from tests.serving import tiny_system

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "serving_load.py"


@pytest.mark.slow
def test_figures(tmp_path, monkeypatch, capsys):
    path = tiny_system.export_of(str(tmp_path))
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Where?"}\n{"question": "Who?"}\n')
    options = ["--secs", "1", "--concurrency", "1,4", "--server", "--max-batch-size 4"]
    monkeypatch.setattr(sys, "argv", ["serving_load.py", path, str(questions), *options])
    monkeypatch.setenv("PYTHONPATH", str(SCRIPT.parents[1]))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert [(one["protocol"], one["concurrency"]) for one in found] == [
        *(("grpc", 1), ("grpc", 4), ("rest", 1), ("rest", 4))
    ]
    assert all(one["answers_per_sec"] > 0 and one["refused"] == 0 for one in found)
    assert all(0 < one["p50_ms"] <= one["p95_ms"] <= one["p99_ms"] for one in found)
