# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A setting that is refused costs neither time nor TensorFlow, whatever the command."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

_ROOT = pathlib.Path(__file__).parents[2]
# Runs `realm` with the arguments, and says what it imported.
_PROGRAM = """
import runpy, sys
try:
    runpy.run_module("realm_tf", run_name="__main__")
finally:
    print("tensorflow" in sys.modules)
"""
_RUN = ("run", "--corpus", "c", "--questions-train", "t", "--questions-dev", "d", "--workdir", "w")


@pytest.mark.parametrize(
    ("command", "setting", "message"),
    [
        (_RUN, "open_qa.batch_size=0", "open_qa.batch_size must be at least 1. Received: 0."),
        (("quickstart", "--workdir", "w"), "pretrain.optimizer.learning_rate=nan",
         "pretrain.optimizer.learning_rate must be above 0 and at most 1. Received: nan."),
        (("blocks", "--corpus", "c", "--vocab", "v", "--output", "o"), "blocks.length=3",
         "blocks.length must be at least 16. Received: 3."),
    ],
)  # fmt: skip
def test_refusal_is_one_line_at_once_without_tensorflow(tmp_path, command, setting, message):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *command, "--set", setting],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"realm: {message}\n"
    assert done.stdout == "False\n"
    assert time.monotonic() - started < 10
    assert not list(tmp_path.iterdir())
