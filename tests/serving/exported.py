# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is in an export, and what it answers."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# Runs where nothing of this project can be imported.
_FRESH_PROCESS = """
import json, sys
import tensorflow as tf
import tensorflow_text
module = tf.saved_model.load(sys.argv[1])
found = module.signatures["serving_default"](question=tf.constant(json.loads(sys.argv[2])))
def plain(value):
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value.decode() if isinstance(value, bytes) else value
outputs = {name: plain(value.numpy().tolist()) for name, value in found.items()}
foreign = ("realm_tf", "serving", "scann", "tensorflow_recommenders", "tf_keras")
assert not any(name.partition(".")[0] in foreign for name in sys.modules)
print(json.dumps(outputs))
"""


def nodes(version: pathlib.Path) -> Iterator[Any]:
    """All nodes of the graph of a version, those of its functions as well."""
    saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    yield from graph.node
    for function in graph.library.function:
        yield from function.node_def


def foreign_ops(version: pathlib.Path) -> set[str]:
    """The ops that TensorFlow itself does not have; none runs Python or has a table to fill."""
    ops = {node.op for node in nodes(version)}
    assert not {op for op in ops if "PyFunc" in op or "Table" in op}
    return {op for op in ops if not hasattr(tf.raw_ops, op)}


def plain(outputs: Mapping[str, tf.Tensor]) -> dict[str, Any]:
    """Outputs as nested lists, texts as str."""

    def of(value: Any) -> Any:
        if isinstance(value, list):
            return [of(part) for part in value]
        return value.decode() if isinstance(value, bytes) else value

    return {name: of(value.numpy().tolist()) for name, value in outputs.items()}


def require_same(outputs: Mapping[str, Any], expected: Mapping[str, tf.Tensor]) -> None:
    """Checks nested lists against outputs of the model: numbers to 1e-5."""
    assert set(outputs) == set(expected)
    for name, value in plain(expected).items():
        if expected[name].dtype == tf.string:
            assert outputs[name] == value
        else:
            np.testing.assert_allclose(outputs[name], value, rtol=1e-5, atol=1e-5)


def answers_elsewhere(
    version: pathlib.Path, questions: Sequence[str], *, cwd: pathlib.Path
) -> dict[str, Any]:
    """Outputs of `serving_default` in a process that has TensorFlow and TF.Text alone."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TF_USE_LEGACY_KERAS")}
    done = subprocess.run(
        [sys.executable, "-c", _FRESH_PROCESS, str(version), json.dumps(list(questions))],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
