# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command realm train: what each experiment needs, and a tagger from files to segment."""

import json

import click.testing
import pytest

from realm_tf import cli
from realm_tf.text import vocabulary
from tests.text import vocabularies


def _invoke(*args):
    return click.testing.CliRunner().invoke(cli.main, ["train", *(str(arg) for arg in args)])


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
    ],
)
def test_what_is_missing_or_too_much(args, message):
    result = _invoke(*args)
    assert result.exit_code == 2
    assert message in result.stderr


def test_tagger_from_files(tmp_path):
    for number in range(2):
        (tmp_path / f"{number}.conll").write_text("the\tO\nWarsaw\tB-LOC\n\nnew\tO\nYork\tB-LOC\n")
    vocab = vocabulary.write_segment(str(tmp_path), vocabularies.small(), lower_case=True)
    sizes = "{hidden_size: 8, num_layers: 1, num_heads: 2, intermediate_size: 8, max_positions: 16}"
    settings = {"steps": 2, "evaluate_every_steps": 1, "length": 16, "encoder": sizes}
    options = [f"--set=span_tagger.{name}={value}" for name, value in settings.items()]
    files = ("--train", tmp_path / "*.conll", "--train", tmp_path / "0.conll")
    files += ("--dev", tmp_path / "0.conll")
    options += ["--vocab", vocab.path, "--output", tmp_path / "out", "--json"]
    result = _invoke("realm/span_tagger", *files, *options)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert {"path", "dev_f1", "best_step"} <= figures.keys()
    assert "test_f1" not in figures
    result = _invoke("realm/span_tagger", "--train", "nowhere", *files, *options)
    assert result.exit_code == 2
    assert "No file matches nowhere" in result.stderr
