# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the block table runs as its README prints it, on a tiny segment."""

import json
import pathlib
import runpy
import sys

import pytest

from tests.data import example_passages

SCRIPT = pathlib.Path(__file__).parents[2] / "benchmarks" / "block_table.py"


@pytest.mark.parametrize("rows", [None, 100])
def test_figures(tmp_path, monkeypatch, capsys, rows):
    blocks, spans = example_passages.segments(
        tmp_path, example_passages.passages(seed=0, num_docs=12)
    )
    options = ["--spans", spans.path] if rows is None else ["--rows", str(rows)]
    monkeypatch.setattr(sys, "argv", ["block_table.py", blocks.path, *options])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    figures = json.loads(capsys.readouterr().out)
    assert figures["rows"] == (rows or blocks.counts["blocks"])
    assert figures["bytes per row"] > 100
    assert figures["packed rows/s"] > 0
