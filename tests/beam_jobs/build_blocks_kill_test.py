# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`kill -9` of a worker, and of the launcher: the next call goes on, to the same shards."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from realm_tf import artifacts
from tests.beam_jobs import documents

pytestmark = pytest.mark.slow


def write_corpus(root: pathlib.Path) -> str:
    """Six files, so large that work on one takes about a second."""
    for part in range(6):
        made = documents.records(10)[:-1]
        rows = [{**made[i % 9], "id": f"{part}-{i}"} for i in range(6000)]
        documents.write(root / f"part-{part}.jsonl", rows)
    return str(root / "part-*.jsonl")


def command(pattern: str, root: pathlib.Path, *beam_args: str) -> list[str]:
    argv = [sys.executable, "-m", "beam_jobs.build_blocks", "--corpus", pattern]
    argv += ["--vocab", documents.write_vocab(root), "--set", "blocks.length=48"]
    argv += ["--set", "blocks.num_shards=8"]
    return [*argv, "--output_root", str(root / "out"), "--", *beam_args]


def workers_of(pid: int) -> list[int]:
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(path.parent.name)
            found += workers_of(child) or [child]
    return found


def finish(argv: list[str]) -> str:
    """Runs to the end; returns the segment's path."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def contents(segment: str) -> list[artifacts.Shard]:
    return list(artifacts.open_segment(segment).shards)


@pytest.mark.parametrize("who", ["worker", "launcher"])
@pytest.mark.parametrize("after", ["jobs/*/SortDocuments/*.json", "jobs/*/PackShard/*.json"])
def test_killed_job_goes_on(tmp_path, who, after):
    if not sys.platform.startswith("linux"):
        pytest.skip("looks into /proc")
    pattern = write_corpus(tmp_path)
    whole = finish(command(pattern, tmp_path / "whole"))
    options = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    argv = command(pattern, tmp_path, *options)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (seen := list((tmp_path / "out").glob(after))):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    pid = workers_of(process.pid)[-1] if who == "worker" else process.pid
    os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode != 0
    assert not list(tmp_path.glob(f"out/*/{artifacts.MANIFEST}"))
    result = json.loads(seen[0].read_text())  # whole, as every file that has its own name
    assert {"tally", "counts"} <= result.keys()
    made = seen[0].stat().st_mtime_ns
    again = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    kept = False
    while again.poll() is None:
        if seen[0].exists():
            kept = kept or seen[0].stat().st_mtime_ns == made
        time.sleep(0.05)
    out, err = again.communicate()
    assert again.returncode == 0, err
    assert kept  # what was done is not done again
    assert contents(out.strip()) == contents(whole)
    assert not list((tmp_path / "out").rglob("*.tmp-*"))
