# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The programs that print the tables of docs/parity.md."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.parity import mutations, numpy_cases, numpy_comparisons, report

ROOT = pathlib.Path(__file__).parents[2]


def test_report(monkeypatch, capsys):
    group = next(iter(numpy_comparisons.GROUPS))
    shape = next(iter(numpy_cases.SHAPES))
    monkeypatch.setattr(numpy_comparisons, "GROUPS", {group: numpy_comparisons.GROUPS[group]})
    monkeypatch.setattr(numpy_cases, "SHAPES", {shape: numpy_cases.SHAPES[shape]})
    report.main(["numpy"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert all(line.startswith(f"| numpy, {shape} | {group}: ") for line in lines[2:])


@pytest.mark.slow
def test_mutations():
    # In a process of its own, because it forks before TensorFlow runs anything. One mutation only.
    code = "from tests.parity import mutations as m; m.MUTATIONS = m.MUTATIONS[:1]; m.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    none, mutated = done.stdout.splitlines()[2:]
    assert none == "| none |  | none | none |"
    assert mutated.startswith(f"| {mutations.MUTATIONS[0].what} | ")
    assert not mutated.endswith("| none | none |")
