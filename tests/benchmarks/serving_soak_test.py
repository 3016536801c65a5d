# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The soak of the server runs as its README prints it, on two tiny exports."""

import json
import pathlib
import runpy
import sys

import pytest

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
    options = ["--minutes", "0.3", "--versions", "2"]
    monkeypatch.setattr(sys, "argv", ["serving_soak.py", str(questions), *models, *options])
    monkeypatch.setenv("PYTHONPATH", str(SCRIPT.parents[1]))
    runpy.run_path(str(SCRIPT), run_name="__main__")
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["alive"]
    assert found["good"] > 20
    assert "lost" not in found
    assert "wrong" not in found
    assert found["faults"] == []
    assert set(found["memory_mb"]) == {"1", "2", "3"}
    outcomes = set(found["hostile"])
    assert not any(": 5" in one or "INTERNAL" in one or "OK" in one for one in outcomes)
