# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trainer, refresher and Beam's workers are killed again and again: the run ends, nothing is torn.

`REALM_KILL_ROUNDS=20` kills more often than the test does by itself.
"""

import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from realm_tf import types
from realm_tf.artifacts import gfile
from realm_tf.retrieval import snapshots
from tests.commands import small_run

pytestmark = pytest.mark.slow

_ROUNDS = int(os.environ.get("REALM_KILL_ROUNDS", "6"))
_EVERY = 4
_STEPS = _EVERY * max(10, 2 * _ROUNDS)
_WORKERS = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
_SETTINGS = (
    "pretrain.refresh.mode=async",
    f"pretrain.steps={_STEPS}",
    f"pretrain.refresh.every_steps={_EVERY}",
    "pretrain.refresh.keep_snapshots=1",
    "pretrain.checkpoint_every_steps=4",
    "pretrain.refresh.on_stale=wait",  # so that there are several refreshes
    "pretrain.refresh.max_staleness_steps=8",
    "evaluation.baselines=false",
)


def _start(inputs, workdir: pathlib.Path) -> subprocess.Popen:
    settings = (part for setting in _SETTINGS for part in ("--set", setting))
    command = [sys.executable, "-m", "realm_tf", "run", *inputs, "--workdir", str(workdir)]
    return subprocess.Popen(
        [*command, *settings, "--json", "--", *_WORKERS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _refreshers(pid: int) -> list[int]:
    return [child for child in _children(pid) if " refresh " in _command(child)]


def _beam_workers(pid: int) -> list[int]:
    """The worker processes of the refresher's job, whose shells are its children."""
    below = [child for refresher in _refreshers(pid) for child in _children(refresher)]
    below += [grandchild for child in below for grandchild in _children(child)]
    return [child for child in below if "sdk_worker" in _command(child)]


def _children(pid: int) -> list[int]:
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def _nobody(pid: int) -> list[int]:
    del pid
    return []


def _command(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _exports(workdir: pathlib.Path) -> set[tuple[str, int]]:
    found = set()
    for path in workdir.glob("training/pretrain-*/exports/*.json"):
        with contextlib.suppress(FileNotFoundError):  # collected meanwhile
            found.add((path.name, path.stat().st_mtime_ns))
    return found


def _whole(workdir: pathlib.Path) -> set[int]:
    """Steps of the snapshots that are there; none of them may be torn."""
    steps = set()
    for directory in workdir.glob("training/pretrain-*/snapshots"):
        for step in snapshots.list_steps(str(directory)):
            try:
                snapshots.load(str(directory), step)
            except (types.UserError, OSError):
                # Collected while it was read.
                assert not gfile.exists(snapshots.path_of(str(directory), step))
                continue
            steps.add(step)
    return steps


def test_run_ends_whatever_is_killed(tmp_path):
    inputs = small_run.write_inputs(tmp_path)
    workdir, rng = tmp_path / "run", random.Random(7)
    seen, process = set(), _start(inputs, workdir)
    for number in range(_ROUNDS):
        before = _exports(workdir)
        # Not while the processes start, which takes them longest.
        while process.poll() is None and not (
            _refreshers(process.pid) and _exports(workdir) - before
        ):
            time.sleep(0.05)
        limit = time.monotonic() + rng.uniform(0, 5)
        while process.poll() is None and time.monotonic() < limit:
            seen |= _whole(workdir)
            time.sleep(0.05)
        if process.poll() is not None:
            break
        victims = (_nobody, _refreshers, _beam_workers)[number % 3](process.pid)
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        if not victims:  # no worker runs at the moment: the trainer instead
            process.send_signal(signal.SIGKILL)
            process.communicate()
            seen |= _whole(workdir)
            process = _start(inputs, workdir)
    out, err = process.communicate()
    assert process.returncode == 0, err
    seen |= _whole(workdir)
    figures = json.loads(out)
    assert figures["pretrain"]["staleness_steps_max"] <= 8
    (directory,) = workdir.glob("training/pretrain-*")
    swaps = json.loads((directory / "swaps.json").read_text())
    assert len(swaps) > 3, err
    exports = {path.name.partition(".")[0] for path in directory.glob("exports/*")}
    published = {path.stem for path in directory.glob("snapshots/step-*.json")}
    assert exports == published - {"step-000000000", f"step-{_STEPS:09d}"}
