# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One holder at a time; a dead one is followed at once; one that lost its lease stops."""

import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from realm_tf import artifacts, types
from realm_tf.artifacts import leases

_QUICK = 0.05
_PATIENCE_SECS = 20


def _write(directory: pathlib.Path, holder: leases.Holder) -> None:
    (directory / leases.FILE).write_text(holder.to_json())


def _other(**changes) -> leases.Holder:
    """Another machine's process, which renewed its lease just now."""
    return dataclasses.replace(
        leases.Holder.myself(), **{"machine": "another", "host": "far.example", **changes}
    )


def _dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def _is_free(directory: pathlib.Path) -> bool:
    try:
        with artifacts.hold(str(directory)):
            return True
    except types.UserError:
        return False


def test_second_holder_is_refused_until_the_first_ends(tmp_path):
    directory = tmp_path / "not" / "yet"
    with artifacts.hold(str(directory)):
        with pytest.raises(types.UserError) as refused, artifacts.hold(str(directory)):
            pass
        assert re.fullmatch(
            rf"{directory} is in use by process {os.getpid()} on \S+ since \S+\."
            r" Wait until it ends, or end it; then give the same command again\.",
            str(refused.value),
        )
        assert leases.holder_of(str(directory)).pid == os.getpid()
    assert leases.holder_of(str(directory)) is None
    assert not list(directory.iterdir())
    assert _is_free(directory)


def test_lease_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), artifacts.hold(str(tmp_path)):
        _ = 1 // 0
    assert _is_free(tmp_path)


def test_lease_of_a_dead_process_is_free_at_once(tmp_path):
    mine = leases.Holder.myself()
    _write(tmp_path, dataclasses.replace(mine, pid=_dead_pid()))
    assert _is_free(tmp_path)


def test_lease_of_a_process_that_nobody_has_waited_for_is_free(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays as a zombie
    started = leases._started(process.pid)
    mine = dataclasses.replace(leases.Holder.myself(), pid=process.pid, started=started)
    _write(tmp_path, mine)
    assert _is_free(tmp_path)
    process.wait()


def test_process_id_that_was_given_again_does_not_hold(tmp_path):
    mine = leases.Holder.myself()
    _write(tmp_path, mine)
    assert not _is_free(tmp_path)
    _write(tmp_path, dataclasses.replace(mine, started=mine.started - 1))
    assert _is_free(tmp_path)


def test_living_process_holds_however_long_it_is_silent(tmp_path):
    _write(tmp_path, dataclasses.replace(leases.Holder.myself(), renewed=time.time() - 1e6))
    assert not _is_free(tmp_path)


def test_other_machine_holds_while_it_renews(tmp_path):
    _write(tmp_path, _other(pid=_dead_pid()))
    silent = r"on far\.example since .* silent for 120 s\."
    with pytest.raises(types.UserError, match=silent), artifacts.hold(str(tmp_path)):
        pass
    _write(tmp_path, _other(renewed=time.time() - 119))
    assert not _is_free(tmp_path)
    _write(tmp_path, _other(renewed=time.time() - 121))
    assert _is_free(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "null"])
def test_file_that_names_nobody_holds_nothing(tmp_path, text):
    (tmp_path / leases.FILE).write_text(text)
    assert _is_free(tmp_path)


def test_lease_is_renewed(tmp_path):
    def renewed() -> float:
        return json.loads((tmp_path / leases.FILE).read_text())["renewed"]

    with artifacts.hold(str(tmp_path), renew_secs=_QUICK) as lease:
        first, end = renewed(), time.monotonic() + _PATIENCE_SECS
        while renewed() == first and time.monotonic() < end:
            time.sleep(_QUICK)
        assert renewed() > first
        lease.check()


def _lose(directory: pathlib.Path, *, taken: bool = True) -> None:
    if taken:
        _write(directory, _other())
    else:
        (directory / leases.FILE).unlink()


def _sleep_as_holder(directory: pathlib.Path, *, taken: bool) -> None:
    with artifacts.hold(str(directory), renew_secs=_QUICK):
        _lose(directory, taken=taken)
        time.sleep(_PATIENCE_SECS)


@pytest.mark.parametrize("taken", [True, False], ids=["taken", "deleted"])
def test_holder_that_lost_its_lease_stops(tmp_path, taken):
    began = time.monotonic()
    with pytest.raises(types.UserError) as stopped:
        _sleep_as_holder(tmp_path, taken=taken)
    assert time.monotonic() - began < _PATIENCE_SECS  # it was woken
    assert "\n" not in str(stopped.value)
    assert "this one stops" in str(stopped.value)
    assert (tmp_path / leases.FILE).exists() == taken  # the other's stays


def _check_as_holder(directory: pathlib.Path) -> None:
    with artifacts.hold(str(directory), renew_secs=_QUICK) as lease:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as if nothing could be interrupted
        _lose(directory)
        time.sleep(20 * _QUICK)
        lease.check()
        pytest.fail("It went on.")


def test_lost_lease_is_seen_at_the_next_check(tmp_path):
    with pytest.raises(types.UserError, match=r"far\.example has taken over"):
        _check_as_holder(tmp_path)


@pytest.fixture
def interrupts():
    """Interrupts as in a terminal: a shell has what it starts in the background ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_interrupts_stay_interrupts(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), artifacts.hold(str(tmp_path)):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before
    assert _is_free(tmp_path)


_RACER = """
import pathlib, sys, time
from realm_tf import artifacts, types
root = pathlib.Path(sys.argv[1])
(root / f"ready-{sys.argv[2]}").touch()
while not (root / "go").exists():
    pass
try:
    with artifacts.hold(str(root / "work")):
        time.sleep(1)
        print("held")
except types.UserError:
    print("refused")
"""


@pytest.mark.slow
def test_one_of_several_processes_takes_a_dead_ones_lease(tmp_path):
    (tmp_path / "work").mkdir()
    _write(tmp_path / "work", dataclasses.replace(leases.Holder.myself(), pid=_dead_pid()))
    command = [sys.executable, "-c", _RACER, str(tmp_path)]
    racers = [
        subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(3)
    ]
    end = time.monotonic() + 300
    while len(list(tmp_path.glob("ready-*"))) < len(racers) and time.monotonic() < end:
        time.sleep(0.1)
    (tmp_path / "go").touch()
    said = sorted(racer.communicate()[0].strip() for racer in racers)
    assert said == ["held", "refused", "refused"]
