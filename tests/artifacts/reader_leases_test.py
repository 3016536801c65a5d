# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Any number of readers; a dead one's lease is removed, and a living one's is renewed."""

import dataclasses
import os
import subprocess
import sys
import time

import pytest

from realm_tf.artifacts import leases, reader_leases


def _others(directory, name, **changes) -> str:
    holder = dataclasses.replace(leases.Holder.myself(), **changes)
    path = directory / f"{name}.{holder.key}.reader.json"
    directory.mkdir(exist_ok=True)
    path.write_text(holder.to_json())
    return str(path)


def test_readers_are_there_as_long_as_they_read(tmp_path):
    directory = tmp_path / "readers"
    assert reader_leases.holders(str(directory)) == {}
    with reader_leases.hold(str(directory), "a.json"):
        with reader_leases.hold(str(directory), "a.json"):
            with reader_leases.hold(str(directory), "b.json"):
                found = reader_leases.holders(str(directory))
                assert {name: h.pid for name, h in found.items()} == {
                    "a.json": os.getpid(),
                    "b.json": os.getpid(),
                }
            assert set(reader_leases.holders(str(directory))) == {"a.json"}
        assert set(reader_leases.holders(str(directory))) == {"a.json"}
    assert reader_leases.holders(str(directory)) == {}
    assert not list(directory.iterdir())


def test_lease_ends_with_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), reader_leases.hold(str(tmp_path), "a"):
        _ = 1 // 0
    assert reader_leases.holders(str(tmp_path)) == {}


def test_a_killed_reader_keeps_nothing(tmp_path):
    code = (
        "import sys, time\nfrom realm_tf.artifacts import reader_leases\n"
        "with reader_leases.hold(sys.argv[1], 'a'):\n    print('held', flush=True); time.sleep(99)"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "held\n"
    assert reader_leases.holders(str(tmp_path))["a"].pid == reader.pid
    reader.kill()
    reader.wait()
    assert reader_leases.holders(str(tmp_path)) == {}
    assert not list(tmp_path.iterdir())


def test_a_reader_on_another_machine_is_dead_when_it_is_silent(tmp_path):
    silent = leases.RENEW_SECS * 13
    far = {"machine": "another", "host": "far.example"}
    gone = _others(tmp_path, "a", **far, renewed=time.time() - silent)
    _others(tmp_path, "b", **far, renewed=time.time())
    assert set(reader_leases.holders(str(tmp_path))) == {"b"}
    assert not os.path.exists(gone)


def test_lease_is_renewed(tmp_path):
    with reader_leases.hold(str(tmp_path), "a", renew_secs=0.02):
        first = reader_leases.holders(str(tmp_path))["a"].renewed
        for _ in range(500):
            if reader_leases.holders(str(tmp_path))["a"].renewed > first:
                break
            time.sleep(0.02)
        else:
            pytest.fail("it was not renewed")


def test_files_of_others_are_no_leases(tmp_path):
    (tmp_path / "a.0.reader.json").write_text("{")
    (tmp_path / "notes.txt").write_text("mine")
    assert reader_leases.holders(str(tmp_path)) == {}
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_place_to_write_there_is_a_warning_and_no_lease(tmp_path, caplog):
    (tmp_path / "file").touch()
    with reader_leases.hold(str(tmp_path / "file" / "readers"), "step-5.json"):
        assert "step-5.json may be deleted while it is read: no lease" in caplog.text
