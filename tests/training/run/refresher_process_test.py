# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The local refresher ends with its parent, and is started again when it dies."""

import os
import signal
import subprocess
import sys
import time

import pytest

from realm_tf import config
from realm_tf.training.run import refresher_process
from tests import interrupts

# Reads from the pipe, as `interrupts.end_when_input_closes` does.
_CHILD = "import sys; print('here', flush=True); sys.stdin.read()"


def _process(tmp_path, code=_CHILD):
    made = refresher_process.RefresherProcess(
        [sys.executable, "-c", code], str(tmp_path), config.Config().pretrain.refresh
    )
    made.start()
    return made


def _wait(condition):
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def _pid(process):
    return process._process and process._process.pid


def _log(tmp_path):
    return (tmp_path / refresher_process.LOG).read_text()


def test_it_ends_with_its_parent(tmp_path):
    process = _process(tmp_path)
    pid = _pid(process)
    _wait(lambda: "here" in _log(tmp_path))
    process.end()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    process.end()  # again: nothing happens


def test_it_ends_with_a_parent_that_is_killed(tmp_path):
    code = (
        "import sys, time; from realm_tf import config;"
        "from realm_tf.training.run import refresher_process as r;"
        f"p = r.RefresherProcess([sys.executable, '-c', {_CHILD!r}], {str(tmp_path)!r},"
        " config.Config().pretrain.refresh);"
        "p.start(); print(p._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()

    _wait(lambda: interrupts.is_gone(pid))


def test_it_is_started_again_when_it_is_killed(tmp_path, caplog):
    process = _process(tmp_path)
    first = _pid(process)
    os.kill(first, signal.SIGKILL)

    def is_other():
        process.watch()
        return _pid(process) not in (None, first)

    _wait(is_other)
    assert "was killed by SIGKILL; it is started again in 1 s" in caplog.text
    process.end()


def test_error_of_its_code_is_an_error_of_the_training(tmp_path):
    process = _process(tmp_path, "raise TypeError('a mistake of ours')")
    _wait(lambda: process._process.poll() is not None)
    with pytest.raises(RuntimeError, match="TypeError: a mistake of ours"):
        process.watch()


def test_it_has_its_own_threads(tmp_path):
    process = _process(tmp_path, "import os; print(os.environ['TF_NUM_INTRAOP_THREADS'])")
    _wait(lambda: _log(tmp_path))
    assert int(_log(tmp_path)) == max(1, (os.cpu_count() or 1) // 2)
    process.end()
