# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, or SIGTERM, ends a command with one line, its exit code, and none of its workers left."""

import signal
import subprocess
import sys
import time

import pytest

from realm_tf.cli import interrupts
from tests import interrupts as test_interrupts

# Threads and workers that would all have something to say, had they the time.
_WORK = """
import subprocess, sys, threading, time
from realm_tf.cli import interrupts
from tests import interrupts as test_interrupts

def work():
    try:
        time.sleep(100)
    finally:
        print("left", file=sys.stderr)

with interrupts.one_line():
    threading.Thread(target=work).start()
    worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    print(worker.pid, flush=True)
    {}
"""


def _ends(pid: int) -> bool:
    """Whether a process that was told to end does so soon."""
    end = time.monotonic() + 10
    while not test_interrupts.is_gone(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return test_interrupts.is_gone(pid)


@pytest.mark.parametrize(
    ("number", "code", "what"),
    [
        (signal.SIGINT, interrupts.EXIT_CODE, "interrupted"),
        (signal.SIGTERM, interrupts.TERMINATED, "ended by SIGTERM"),
    ],
)
@pytest.mark.parametrize("doing", ["work()", "[sum(range(10**6)) for _ in range(10**6)]"])
def test_interrupt_is_one_line(doing, number, code, what):
    command = [sys.executable, "-c", _WORK.format(doing)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, preexec_fn=test_interrupts.take, **pipes) as process:
        worker = int(process.stdout.readline())
        time.sleep(0.2)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code == 128 + number
    assert said.splitlines() == [
        f"realm: {what}. Give the same command again: it goes on where it stopped."
    ]
    assert _ends(worker)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_decides_already_what_a_signal_does_is_left_alone(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with interrupts.one_line():
            assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize(
    ("number", "default"),
    [(signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)],
)
def test_afterwards_a_signal_is_pythons_again(number, default):
    before = signal.signal(number, default)
    try:
        with interrupts.one_line():
            assert signal.getsignal(number) != default
        assert signal.getsignal(number) == default
    finally:
        signal.signal(number, before)


def test_process_ends_with_its_children_when_its_input_closes():
    code = (
        "import subprocess, sys, time; from realm_tf.cli import interrupts;"
        "interrupts.end_when_input_closes();"
        "child = subprocess.Popen(['sleep', '60'], stdin=subprocess.DEVNULL);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        child = int(process.stdout.readline())
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    assert _ends(child)
