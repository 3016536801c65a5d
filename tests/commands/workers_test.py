# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whole runs of two processes on this machine: they do what one device does."""

import collections
import glob
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config as config_lib
from realm_tf.commands import run_inputs
from tests.commands import small_run

pytestmark = pytest.mark.slow

_STEPS = 20
_SETTINGS = (
    *(f"ict.steps={_STEPS}", "ict.checkpoint_every_steps=1"),
    *(f"pretrain.steps={_STEPS}", "pretrain.checkpoint_every_steps=1"),
    *("pretrain.refresh.every_steps=6", "pretrain.warmup.check_every_steps=1"),
    *(f"pretrain.warmup.null_steps={_STEPS}", "pretrain.warmup.max_steps=1"),
    *(f"open_qa.steps={_STEPS}", "open_qa.checkpoint_every_steps=1"),
    "evaluation.baselines=false",
)


def _prepare(root: pathlib.Path, strategy: str) -> tuple[pathlib.Path, list[str]]:
    """A run that is to be trained, and the options of `realm run` for it."""
    (root / "run").mkdir(parents=True)
    options = [*small_run.write_inputs(root)]
    for setting in (*_SETTINGS, f"runtime.strategy={strategy}"):
        options += ["--set", setting]
    pairs = list(zip(options[::2], options[1::2], strict=True))
    named = dict(pairs)
    inputs = run_inputs.Inputs(
        named["--corpus"], named["--questions-train"], named["--questions-dev"]
    )
    sets = [value for name, value in pairs if name == "--set"]
    config = config_lib.load(named["--config"], sets)
    run_inputs.save(str(root / "run"), inputs, config)
    return root / "run", [*options, "--workdir", str(root / "run")]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _start(count: int, *args: object) -> list[subprocess.Popen]:
    cluster = {"worker": [f"localhost:{port}" for port in _free_ports(count)]}
    command = [sys.executable, "-m", "realm_tf", *map(str, args)]
    started = []
    for index in range(count):
        task = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        started.append(
            subprocess.Popen(
                command,
                env={**os.environ, "TF_CONFIG": json.dumps(task)},
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
    return started


def _outputs(processes: list[subprocess.Popen]) -> list[str]:
    """What processes that succeed print."""
    ended = [process.communicate() for process in processes]
    for process, (_, said) in zip(processes, ended, strict=True):
        assert process.returncode == 0, said
    return [printed for printed, _ in ended]


def _losses(workdir: pathlib.Path) -> dict[str, list[float]]:
    """Loss of every step, by experiment."""
    names = {"embedder_weights": "ict", "reader_weights": "warmup", "pretrain": "pretrain"}
    losses = collections.defaultdict(dict)
    for path in sorted(glob.glob(f"{workdir}/training/*/summaries/**/*.v2", recursive=True)):
        kind = os.path.relpath(path, workdir / "training").split("-")[0]
        losses[names.get(kind, kind)] |= {
            event.step: float(tf.make_ndarray(value.tensor))
            for event in tf.compat.v1.train.summary_iterator(path)
            for value in event.summary.value
            if value.tag == "training_loss"
        }
    return {name: [steps[step] for step in sorted(steps)] for name, steps in losses.items()}


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    workdir, options = _prepare(tmp_path_factory.mktemp("runs") / "one", "one_device")
    small_run.realm("run", *options, "--json")
    return workdir


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs") / "two"
    workdir, options = _prepare(root, "multi_worker_mirrored")
    trained = _outputs(_start(2, "train", "realm/pretrain", "--workdir", workdir, "--json"))
    reports = _outputs(_start(2, "run", *options, "--json"))
    return workdir, trained, reports


def _assert_same(workdir, expected):
    losses, right = _losses(workdir), _losses(expected)
    assert losses.keys() == right.keys() == {"ict", "warmup", "pretrain", "open_qa_weights"}
    for name, values in right.items():
        # The gate of the warm-up is passed at its last step, before that is logged.
        assert len(values) == _STEPS - (name == "warmup"), name
        np.testing.assert_allclose(losses[name], values, rtol=0, atol=1e-5, err_msg=name)


def test_two_workers_have_the_losses_of_one_device(two_workers, one_device):
    _assert_same(two_workers[0], one_device)


def test_two_replicas_have_the_losses_of_one_device(one_device, tmp_path):
    workdir, options = _prepare(tmp_path / "run", "mirrored")
    small_run.realm("run", *options, "--json")
    _assert_same(workdir, one_device)


def test_workers_print_the_same_and_the_chief_alone_writes(two_workers):
    workdir, trained, reports = two_workers
    assert trained[0] == trained[1]
    assert "embedder_weights" in trained[0]
    assert reports[0] == reports[1]
    assert json.loads(reports[0]) == json.loads((workdir / "report.json").read_text())
    assert not (workdir / "lease.json").exists()
    assert (workdir / "export" / "1" / "saved_model.pb").exists()


@pytest.mark.parametrize("killed", [0, 1])
def test_worker_that_is_killed_ends_the_other_with_one_line(tmp_path, killed):
    workdir, options = _prepare(tmp_path / "run", "multi_worker_mirrored")
    processes = _start(2, "run", *options, "--set", "ict.steps=100000")
    while not list(workdir.glob("training/*/checkpoint")):
        assert all(process.poll() is None for process in processes), processes[0].communicate()
        time.sleep(0.1)
    processes[killed].kill()
    _, said = processes[1 - killed].communicate(timeout=120)
    lines = [line for line in said.splitlines() if line.startswith("realm: ")]
    assert "Traceback" not in said
    assert len(lines) == 1, said
    assert "goes on where it stopped" in lines[0]
    assert processes[1 - killed].returncode == 2


@pytest.mark.parametrize("asked", [0, 1])
def test_sigterm_to_one_worker_saves_and_ends_all(tmp_path, asked):
    workdir, options = _prepare(tmp_path / "run", "multi_worker_mirrored")
    processes = _start(2, "run", *options, "--set", "ict.steps=100000")
    while not list(workdir.glob("training/*/checkpoint")):
        assert all(process.poll() is None for process in processes), processes[0].communicate()
        time.sleep(0.1)
    processes[asked].send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=600)[1] for process in processes]
    assert [process.returncode for process in processes] == [143, 143], said
    steps = {re.search(r"ended by SIGTERM\. Step (\d+) ", text)[1] for text in said}
    assert len(steps) == 1
    assert list(workdir.glob(f"training/*/ckpt-{steps.pop()}.index"))
