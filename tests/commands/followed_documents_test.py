# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A trainer and a server take up documents that change: real processes."""

import contextlib
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.commands import small_run

pytestmark = pytest.mark.slow

_REALM = (sys.executable, "-m", "realm_tf")
_QUESTION = "Where does station 3 stand?"
_PATIENCE_SECS = 300


def _told(*args: object) -> str:
    return subprocess.run(
        [*_REALM, *map(str, args)], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


@contextlib.contextmanager
def _running(*args: object):
    """A process, and what its standard output says line by line."""
    command = [*_REALM, *map(str, args), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield lambda: json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(60)


def _until(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + _PATIENCE_SECS
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.2)


def _found(server: str) -> list[str]:
    answers = json.loads(_told("ask", "--model", server, "--answers", 20, "--json", _QUESTION))
    return [answer["doc_id"] for answer in answers["answers"]]


def follow(workdir: pathlib.Path, model: pathlib.Path) -> None:
    """Deletes and adds documents of a finished run while its model is served."""
    watching = _running("export", "--workdir", workdir, "--output", model, "--apart", "--watch")
    serving = ("serve", model, "--rest-port", 0, "--grpc-port", 0, "--poll-secs", 0.2)
    with watching as exported:
        assert exported()["version"] == {"retriever": 1, "reader": 1}
        with _running(*serving) as served:
            server = next(a for a in served().values() if str(a).startswith("http"))
            first = _found(server)[0]
            told = json.loads(_told("documents", "delete", first, "--workdir", workdir, "--json"))
            assert told["documents_deleted"] == 1
            assert exported()["version"] == {"retriever": 2, "reader": 1}
            _until(lambda: first not in _found(server))
            assert _found(server)


def test_a_server_answers_from_documents_that_change(tmp_path):
    inputs = small_run.write_inputs(tmp_path)
    _told("run", *inputs, "--workdir", tmp_path / "run", "--set", "evaluation.baselines=false")
    follow(tmp_path / "run", tmp_path / "model")


_TRAINING = (
    "pretrain.refresh.mode=async",
    "pretrain.refresh.every_steps=20",
    "pretrain.refresh.poll_secs=0.1",
    "pretrain.steps=1000000",
)


def test_a_trainer_and_its_refresher_take_up_documents_that_change(tmp_path):
    workdir = tmp_path / "run"
    settings = (part for setting in _TRAINING for part in ("--set", setting))
    run = ("run", *small_run.write_inputs(tmp_path), "--workdir", workdir, *settings)

    def swaps() -> list[dict]:
        logs = workdir.glob("training/pretrain-*/swaps.json")
        return [swap for log in logs for swap in json.loads(log.read_text())]

    def delete() -> bool:
        command = ["documents", "delete", "s3", "--missing-ok", "--workdir", str(workdir)]
        done = subprocess.run([*_REALM, *command], capture_output=True, text=True)
        assert done.returncode in (0, 2), done.stderr
        return done.returncode == 0

    with _running(*run):
        _until(lambda: len(swaps()) > 1)
        _until(delete)
        _until(lambda: any(swap["revision"] for swap in swaps()))
        first = next(swap for swap in swaps() if swap["revision"])
        _until(lambda: swaps()[-1]["snapshot_step"] > first["snapshot_step"])
        assert swaps()[-1]["revision"] > 0
        left = _told("documents", "list", "--workdir", workdir).splitlines()
        assert len(left) == 59
        assert not any(line.startswith("s3\t") for line in left)
