# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Run by the conformance suite in a fresh process: compares what was saved with what it computes.

The SavedModels first, by TensorFlow alone; then every model from its config and its weights.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf


def _arrays(file: pathlib.Path) -> list[np.ndarray]:
    with np.load(file) as data:
        return [data[name] for name in data.files]


def _compare(found: Sequence[Any], folder: pathlib.Path) -> None:
    expected = _arrays(folder / "outputs.npz")
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5, err_msg=folder.name)


def _saved_models(root: pathlib.Path) -> None:
    for folder in root.iterdir():
        loaded = tf.saved_model.load(str(folder / "saved_model"))
        _compare(loaded.serve(*map(tf.constant, _arrays(folder / "inputs.npz"))), folder)
    needed = {"realm_tf", "official"} & set(sys.modules)
    assert not needed, f"Loading a SavedModel imported {needed}."


def _weights(root: pathlib.Path) -> None:
    from tests.models import conformance_cases  # not before the SavedModels were loaded without it

    for case in conformance_cases.CASES:
        folder = root / case.name
        made = case.cls.from_config(json.loads((folder / "config.json").read_text()))
        conformance_cases.create_weights(made, case.inputs)
        status = tf.train.Checkpoint(model=made).read(str(folder / "weights"))
        status.assert_existing_objects_matched()
        _compare(conformance_cases.call(made, case.inputs), folder)
        print(case.name)


if __name__ == "__main__":
    _saved_models(pathlib.Path(sys.argv[1]))
    _weights(pathlib.Path(sys.argv[1]))
