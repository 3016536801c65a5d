# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command realm train: what each experiment needs, and a tagger from files to segment."""

import json
import subprocess
import sys
import time

import click.testing
import pytest

from realm_tf import artifacts
from realm_tf.cli import main
from realm_tf.models.inference import tagger_export
from realm_tf.text import vocabulary
from tests.models import tiny
from tests.text import vocabularies


def _invoke(*args):
    return click.testing.CliRunner().invoke(main.main, ["train", *(str(arg) for arg in args)])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("realm/ict",), "realm train realm/ict needs --workdir."),
        (("realm/ict", "--workdir", "w", "--train", "a"), "realm/ict takes no --train."),
        (("realm/ict", "--workdir", "w", "--set", "seed=1"), "realm/ict takes no --set."),
        (
            ("realm/span_tagger", "--train", "a", "--output", "o"),
            "realm train realm/span_tagger needs --dev and --vocab.",
        ),
        (("realm/span_tagger", "--workdir", "w"), "realm/span_tagger takes no --workdir."),
        (("realm/span_tagger", "--profile", "1:2"), "realm/span_tagger takes no --profile."),
        (("realm/span_tagger", "--replay-swaps", "l"), "takes no --replay-swaps."),
        (("realm/ict", "--workdir", "w", "--profile", "9"), "--profile must be two numbers"),
        (("realm/ict", "--workdir", "w", "--profile", "9:9"), "the smaller one first"),
        (("realm/ict", "--workdir", "w", "--replay-swaps", "l"), "No such log of swaps: l."),
    ],
)
def test_what_is_missing_or_too_much(args, message):
    result = _invoke(*args)
    assert result.exit_code == 2
    assert message in result.stderr


def _tagger_options(root, output, **changes) -> list[str]:
    """Of a tiny tagger, whose files are in `root`."""
    for number in range(2):
        (root / f"{number}.conll").write_text("the\tO\nWarsaw\tB-LOC\n\nnew\tO\nYork\tB-LOC\n")
    vocab = vocabulary.write_segment(str(root), vocabularies.small(), lower_case=True)
    sizes = "{hidden_size: 8, num_layers: 1, num_heads: 2, intermediate_size: 8, max_positions: 16,"
    sizes += " dropout: 0.0, attention_dropout: 0.0}"
    settings = {"steps": 2, "evaluate_every_steps": 1, "length": 16, "dropout": 0.0}
    settings |= {"encoder": sizes, **changes}
    files = ("--train", f"{root}/*.conll", "--train", f"{root}/0.conll", "--dev", f"{root}/0.conll")
    values = [f"--set=span_tagger.{name}={value}" for name, value in settings.items()]
    options = ("--vocab", vocab.path, "--output", str(output), "--json")
    return ["realm/span_tagger", *files, *values, *options]


def test_tagger_from_files(tmp_path):
    options = _tagger_options(tmp_path, tmp_path / "out")
    result = _invoke(*options)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert {"path", "dev_f1", "best_step"} <= figures.keys()
    assert "test_f1" not in figures
    result = _invoke(*options, "--train", "nowhere")
    assert result.exit_code == 2
    assert "No file matches 'nowhere" in result.stderr


@pytest.mark.slow
def test_kill_9_in_the_middle_changes_nothing(tmp_path):
    changes = {"steps": 400, "evaluate_every_steps": 100}
    options = _tagger_options(tmp_path, tmp_path / "killed", **changes)
    command = [sys.executable, "-m", "realm_tf", "train", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not any((tmp_path / "killed").glob("training/*/ckpt-*.index")):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert not any((tmp_path / "killed").glob("span_tagger-*/segment.json"))
    logits = []
    for output in ("killed", "whole"):
        result = _invoke(*_tagger_options(tmp_path, tmp_path / output, **changes))
        figures = json.loads(result.stdout)
        tagger = artifacts.open_segment(figures["path"])
        inputs = tiny.inputs(2, 9, vocab_size=len(vocabularies.small()))
        logits.append((figures["best_step"], tagger_export.load(tagger)(inputs).tolist()))
    assert logits[0] == logits[1]
