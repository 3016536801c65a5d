# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of what a finished run serves, as their README prints them, on a tiny run."""

import importlib
import json
import runpy
import sys

import numpy as np
import pytest

from realm_tf import types
from serving import replies
from tests.benchmarks import scripts_test
from tests.commands import small_run
from tests.serving import tiny_system


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("finished")
    small_run.run(small_run.write_inputs(root), root / "run", "--set", "pretrain.steps=0")
    return root / "run"


def _figures(monkeypatch, capsys, name: str, *args: object) -> dict:
    monkeypatch.setattr(sys, "argv", [name, *map(str, args)])
    monkeypatch.setenv("PYTHONPATH", str(scripts_test.ROOT))
    runpy.run_path(str(scripts_test.ROOT / "benchmarks" / f"{name}.py"), run_name="__main__")
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_served_agreement(run, tmp_path, monkeypatch, capsys):
    report = (run / "report.json").read_bytes()
    options = ("--questions", 4, "--indexes", "exact,ivf", "--bfloat16")
    arguments = (run, run.parent / "d.jsonl", tmp_path, *options)
    found = _figures(monkeypatch, capsys, "served_agreement", *arguments)
    ways = found["compared with Python"]
    assert found["questions"] == 4
    same = ["SavedModel, exact", "one by one", "gRPC", "REST"]
    assert list(ways) == [*same, "SavedModel, ivf", "Python, bfloat16"]
    assert ways["Python, bfloat16"]["reader_score"] > 0
    for way in same:
        assert ways[way]["first"] == ways[way]["all"] == 1
        assert ways[way]["score"] < 1e-4
    assert (run / "report.json").read_bytes() == report


def _reply(*answers: tuple[int, float], no_evidence: float = 0.5) -> replies.Reply:
    """Answers at the beginnings of blocks, with scores."""
    made = [
        types.Answer("a", score, block, "d", "t", "a b", 0, 1, 0.1, score, 0.0)
        for block, score in answers
    ]
    return replies.Reply("q", tuple(made), no_evidence)


def test_disagreement_is_seen():
    compare = importlib.import_module("benchmarks.served_agreement").compare
    expected = [_reply((1, 3.0), (2, 2.0)), _reply((1, 3.0), (2, 2.0))]
    found = [_reply((1, 3.25), (3, 9.0)), _reply((2, 2.0), (1, 3.0), no_evidence=0.75)]
    figures = compare(expected, found)
    assert (figures["first"], figures["all"]) == (0.5, 0.0)
    assert (figures["score"], figures["probability"], figures["no_evidence"]) == (0.25, 0, 0.25)
    assert compare(expected, expected)["all"] == 1


def test_wordpieces_of_a_part_of_a_word_spell_the_same():
    letters = importlib.import_module("benchmarks.serving_port").letters
    tokenizer = tiny_system.make_tokenizer()
    whole, part = (encoded.ids for encoded in tokenizer.encode(["Paris xing", "ing"]))
    assert letters(tokenizer, whole) == "parisxing"
    assert whole[-1] != part[0]
    assert letters(tokenizer, whole[-1:]) == letters(tokenizer, part) == "ing"


@pytest.mark.slow
def test_serving_port(run, tmp_path, monkeypatch, capsys):
    options = ("--secs", 1, "--concurrency", "1,2", "--rounds", 1, "--bfloat16")
    arguments = (run, run.parent / "d.jsonl", tmp_path, *options)
    found = _figures(monkeypatch, capsys, "serving_port", *arguments)
    loads = [(one["server"], one["protocol"], one["concurrency"]) for one in found["load"]]
    servers, protocols = ("ours", "ours-bfloat16"), ("rest", "grpc")
    assert loads == [(s, p, level) for level in (1, 2) for s in servers for p in protocols]
    assert all(one["answers_per_sec"] > 0 and one["cpu_ms"] > 0 for one in found["load"])
    for server in servers:
        stages = found[f"{server}, CPU ms of a question in batches of 1"]
        assert stages.keys() == {"tokenize", "embed", "search", "read", "span"}
    # What the port is given, whose own test is that its answers are the same (see the benchmark).
    blocks = (tmp_path / "port" / "blocks.jsonl").read_text().splitlines()
    assert len(np.load(tmp_path / "port" / "block_emb.npy")) == len(blocks) > 50
    assert json.loads((tmp_path / "port" / "port.json").read_text())["lower_case"]
    assert (tmp_path / "port" / "model.safetensors").exists()
