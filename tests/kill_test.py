# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`kill -9` in every stage of `realm run`: the next call continues, and ends with the same data."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

from tests.commands import small_run

pytestmark = pytest.mark.slow

# What a stage leaves first: a process that is killed when it sees the light is in that stage.
_STAGES = {
    "vocab": "segments/vocab-*",
    "sort": "segments/jobs/blocks-*/SortDocuments/*.json",
    "blocks": "segments/blocks-*",
    "spans": "segments/spans-*",
    "warm-up": "training/reader_weights-*/*.index",
    "ict": "training/embedder_weights-*/*.index",
    "embed": "segments/vectors-*",
    "index": "segments/index-*",
    "pretrain": "training/pretrain-*/*.index",
    "refresh": "training/pretrain-*/snapshots/step-000000003.json",
    "open_qa": "training/open_qa_weights-*/*.index",
    "evaluate": "predictions_*.jsonl",
    "export": "export/*",
}
_DATA = ("vocab", "blocks", "spans")


def _start(inputs, workdir: pathlib.Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "realm_tf", "run", *inputs, "--workdir", str(workdir)]
    return subprocess.Popen(
        [*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _kill_at(inputs, workdir: pathlib.Path, pattern: str) -> bool:
    """Runs until a file matches, and kills; False if the run ended before."""
    process = _start(inputs, workdir)
    while process.poll() is None:
        if any(workdir.glob(pattern)):
            process.kill()
            process.communicate()
            return True
        time.sleep(0.001)
    return False


def _fingerprints(workdir: pathlib.Path) -> dict[str, str]:
    found = {}
    for path in workdir.glob("segments/*/segment.json"):
        if path.parent.name.rpartition("-")[0] in _DATA:
            found[path.parent.name] = json.loads(path.read_text())["fingerprint"]
    return found


def test_run_that_is_killed_in_every_stage(tmp_path):
    inputs = small_run.write_inputs(tmp_path)
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for stage, pattern in _STAGES.items():
        assert _kill_at(inputs, broken, pattern), f"The run ended before its stage {stage}."
    last = _start(inputs, broken)
    out, err = last.communicate()
    assert last.returncode == 0, err
    figures = json.loads(out)
    assert figures["systems"].keys() == {"random", "ict", "realm"}
    assert [path.name for path in (broken / "export").iterdir()] == ["1"]
    assert not list(broken.rglob("*.tmp-*"))
    unbroken = _start(inputs, whole)
    unbroken.communicate()
    assert unbroken.returncode == 0
    assert len(_fingerprints(whole)) == 3
    assert _fingerprints(broken) == _fingerprints(whole)
