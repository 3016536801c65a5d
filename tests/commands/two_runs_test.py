# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two runs in one work directory, a run that is killed, and a disk that is full: one line each."""

import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

import pytest

from tests import interrupts as test_interrupts

pytestmark = pytest.mark.slow

# What the stages of a run leave, in their order; a stage works after what the one before has left.
_STAGES = (
    "lease.json",
    "segments/vocab-*",
    "segments/jobs/blocks-*",
    "segments/blocks-*",
    "segments/spans-*",
    "training/embedder_weights-*/orbit.log",
    "segments/vectors-*",
    "training/reader_weights-*/orbit.log",
    "training/pretrain-*/orbit.log",
    "training/open_qa_weights-*/orbit.log",
    "export/*",
)
_QUICK = ("--set", "pretrain.warmup.copy_accuracy=1.0", "--set", "evaluation.baselines=false")


def _start(inputs, workdir: pathlib.Path, settings=_QUICK, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "realm_tf", "run", *inputs, *settings]
    command += ["--workdir", str(workdir)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes, **options)


def _line(process: subprocess.Popen) -> str:
    """What a command that ends with one line says."""
    _, said = process.communicate()
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("realm: ")]
    assert len(lines) == 1, said
    return lines[0]


@pytest.mark.parametrize("seconds", [0, 3, 15])
def test_second_of_two_runs_is_refused(inputs, tmp_path, seconds):
    workdir = tmp_path / "run"
    first = _start(inputs, workdir)
    time.sleep(seconds)
    second = _start(inputs, workdir)
    codes = {process: process.wait() for process in (first, second)}
    assert sorted(codes.values()) == [0, 2]
    winner, loser = sorted(codes, key=codes.get)
    assert f"{workdir} is in use by process {winner.pid}" in _line(loser)
    assert (workdir / "export" / "1" / "saved_model.pb").exists()
    assert not (workdir / "lease.json").exists()


def _wait_for(process: subprocess.Popen, workdir: pathlib.Path, pattern: str) -> None:
    while not list(workdir.glob(pattern)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_second_run_is_refused_in_every_stage(inputs, tmp_path):
    first = _start(inputs, tmp_path, settings=("--set", "evaluation.baselines=false"))
    for pattern in _STAGES:
        _wait_for(first, tmp_path, pattern)
        first.send_signal(signal.SIGSTOP)  # it stays in this stage
        second = _start(inputs, tmp_path)
        line = _line(second)
        first.send_signal(signal.SIGCONT)
        assert (second.returncode, f"by process {first.pid}" in line) == (2, True), (pattern, line)
    assert first.wait() == 0


def test_killed_run_is_followed_at_once(inputs, tmp_path):
    first = _start(inputs, tmp_path)
    _wait_for(first, tmp_path, "segments/vocab-*")
    first.kill()
    first.wait()
    assert (tmp_path / "lease.json").exists()
    second = _start(inputs, tmp_path)
    _, said = second.communicate()
    assert second.returncode == 0, said


@pytest.mark.parametrize(
    "pattern", ["lease.json", "segments/jobs/blocks-*", "training/*/orbit.log"]
)
def test_interrupted_run_says_how_to_go_on(inputs, tmp_path, pattern):
    process = _start(inputs, tmp_path, preexec_fn=test_interrupts.take)
    _wait_for(process, tmp_path, pattern)
    process.send_signal(signal.SIGINT)
    assert _line(process).endswith("it goes on where it stopped.")
    assert process.returncode == 130


@pytest.mark.parametrize("kilobytes", [1, 15, 40, 200])
def test_disk_that_is_full_is_one_line(inputs, tmp_path, kilobytes):
    limits = (kilobytes * 1024, resource.RLIM_INFINITY)  # of the size of any one file
    process = _start(
        inputs, tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    )
    line = _line(process)
    assert process.returncode == 2
    assert "File too large" in line
    assert line.endswith(
        "Free some space, and give the same command again: it goes on where it stopped."
    )
    assert not os.path.exists(tmp_path / "lease.json")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("segments/jobs/blocks-*", "realm: ended by SIGTERM. Give the same command again"),
        ("training/pretrain-*/ckpt-*.index", "of pretrain is saved in"),
    ],
)
def test_terminated_run_says_how_to_go_on_and_does(inputs, tmp_path, pattern, said):
    process = _start(inputs, tmp_path, ("--set", "pretrain.steps=400"))
    _wait_for(process, tmp_path, pattern)
    process.send_signal(signal.SIGTERM)
    line = _line(process)
    assert said in line
    assert process.returncode == 143
    if "pretrain" in pattern:
        assert not (tmp_path / "lease.json").exists()
        step = int(re.search(r"Step (\d+) of", line)[1])
        (directory,) = tmp_path.glob("training/pretrain-*")
        assert (directory / f"ckpt-{step}.index").exists()
