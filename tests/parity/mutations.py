# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Breaks the models in one place after the other, and prints which tests notice.

`python -m tests.parity.mutations` works on copies of the tree, for some minutes; its output is the
table in docs/parity.md. `TESTS` run on every copy.
"""

from __future__ import annotations

import importlib
import os
import pathlib
import re
import shutil
import sys
import tempfile
from typing import NamedTuple, NoReturn

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = (
    "tests/parity/numpy_realm_test.py",
    "tests/parity/oracle_test.py",
    *(
        f"tests/models/{name}_test.py"
        for name in (
            "embedder",
            "encoder",
            "losses",
            "losses_numeric",
            "open_qa_model",
            "reader",
            "realm",
            "span_scoring",
        )
    ),
)
_PACKAGES = ("realm_tf", "beam_jobs", "serving", "tests")
_MODELS, _TRAINING = "realm_tf/models/", "realm_tf/training/"


class Mutation(NamedTuple):
    """One change: `old` stands in `path` exactly once."""

    what: str
    path: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "sign of the mean in the span head",
        f"{_MODELS}span_scoring.py",
        "(product - mean * tf.reduce_sum(weights))",
        "(product + mean * tf.reduce_sum(weights))",
    ),
    Mutation(
        "attention sees padding",
        f"{_MODELS}encoder.py",
        "zip(names, inputs, strict=True)",
        "zip(names, (inputs[0], tf.ones_like(inputs[1]), inputs[2]), strict=True)",
    ),
    Mutation(
        "padded candidates count",
        f"{_MODELS}losses.py",
        "tf.where(mask, relevance, _MASKED)",
        "tf.where(mask, relevance, relevance)",
    ),
    Mutation(
        "epsilon of the projection's LayerNorm",
        f"{_MODELS}embedder.py",
        "epsilon=config.projection_epsilon",
        "epsilon=1e-5",
    ),
    Mutation(
        "segment ids are all 0",
        f"{_MODELS}encoder.py",
        "zip(names, inputs, strict=True)",
        "zip(names, (*inputs[:2], tf.zeros_like(inputs[2])), strict=True)",
    ),
    Mutation(
        "GELU: erf where tanh is asked for",
        f"{_MODELS}encoder.py",
        "approximate=True",
        "approximate=False",
    ),
    Mutation(
        "no tanh in the pooling",
        f"{_MODELS}encoder.py",
        'tf.cast(outputs["pooled_output"], tf.float32)',
        'tf.atanh(tf.cast(outputs["pooled_output"], tf.float32))',
    ),
    Mutation(
        "epsilon of the span head's LayerNorm",
        f"{_MODELS}span_scoring.py",
        "tf.maximum(variance, 0.0) + epsilon",
        "tf.maximum(variance, 0.0) + 1e-12",
    ),
    Mutation(
        "start and end exchanged in the span head",
        f"{_MODELS}span_scoring.py",
        "starts, ends = tf.split",
        "ends, starts = tf.split",
    ),
    Mutation(
        "axis of the softmax over candidates",
        f"{_MODELS}losses.py",
        "tf.nn.log_softmax(tf.where(mask, relevance, _MASKED), axis=-1)",
        "tf.nn.log_softmax(tf.where(mask, relevance, _MASKED), axis=0)",
    ),
    Mutation(
        "examples without an answer are not zeroed",
        f"{_MODELS}losses.py",
        "tf.where(has_correct, -_log_correct(logits, correct, mask), 0.0)",
        "tf.where(True, -_log_correct(logits, correct, mask), 0.0)",
    ),
    Mutation(
        "denominator: all places, padded ones too",
        f"{_MODELS}losses.py",
        "count = global_sum(tf.reduce_sum(mask_weights))",
        "count = global_sum(tf.reduce_sum(tf.ones_like(mask_weights)))",
    ),
    Mutation(
        "the retriever's logit is not added to the spans'",
        f"{_TRAINING}experiments/open_qa.py",
        "span_logits + retriever_logits[:, :num_read, tf.newaxis, tf.newaxis]",
        "span_logits + 0 * retriever_logits[:, :num_read, tf.newaxis, tf.newaxis]",
    ),
    Mutation(
        "the MLM head's LayerNorm keeps Model Garden's epsilon",
        f"{_MODELS}reader.py",
        "self.masked_lm.layer_norm.epsilon = config.encoder.layer_norm_epsilon",
        "self.masked_lm.layer_norm.epsilon = 1e-12",
    ),
)


def main() -> None:
    """Prints the table, and first a line without any change, where nothing may fail."""
    os.environ |= {"TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    for module in ("official.nlp.modeling.networks", "official.core.base_task"):
        importlib.import_module(module)
    print("| change | file | parity tests that fail | unit tests that fail |\n|---|---|---|---|")
    for mutation in (Mutation("none", "", "", ""), *MUTATIONS):
        sys.stdout.flush()
        failed = _failures(mutation)
        cells = [[test for test in failed if is_parity(test) == parity] for parity in (True, False)]
        shown = " | ".join("<br>".join(f"`{t}`" for t in cell) or "none" for cell in cells)
        print(f"| {mutation.what} | {mutation.path} | {shown} |", flush=True)


def is_parity(test: str) -> bool:
    """Whether a test compares with an oracle."""
    return test.startswith(("oracle_test", "numpy_realm_test"))


def _failures(mutation: Mutation) -> list[str]:
    """Tests that fail on a mutated copy, as file.test, without their parameters."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "tree")
        for name in _PACKAGES:
            shutil.copytree(ROOT / name, copy / name)
        shutil.copy(ROOT / "pyproject.toml", copy)
        if (shared := ROOT.parent / "shared").exists():
            (copy.parent / "shared").symlink_to(shared)
        if mutation.path:
            file = copy / mutation.path
            file.write_text(file.read_text().replace(mutation.old, mutation.new))
        # A fork, so that TensorFlow is imported once; it has run nothing yet, so this is safe.
        child = os.fork()
        if not child:
            _run_tests(copy)
        _, status = os.waitpid(child, 0)
        log = copy / "pytest.log"
        output = log.read_text() if log.exists() else ""
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise RuntimeError(f"{mutation.what}: pytest ended with status {status}: {output}")
    found = re.findall(r"^FAILED \S*/(\w+)\.py::(\w+)", output, re.MULTILINE)
    return sorted({f"{file}.{test}" for file, test in found})


def _run_tests(copy: pathlib.Path) -> NoReturn:
    """Runs the tests of a copy, and ends the process with pytest's status."""
    status = 2
    try:
        for module in [m for m in sys.modules if m.partition(".")[0] in _PACKAGES]:
            del sys.modules[module]
        sys.path[0] = str(copy)
        os.chdir(copy)
        log = os.open("pytest.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        status = int(pytest.main(["-q", "--tb=no", "-m", "not slow", *TESTS]))
        sys.stdout.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
