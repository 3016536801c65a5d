# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command realm tag: rules unless a tagger is named, by option or by setting."""

import json

import click.testing
import pytest

from realm_tf.cli import main
from tests.beam_jobs import documents, jobs
from tests.models import taggers
from tests.text import vocabularies


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("tag_command")
    vocab = documents.write_vocab(root)
    corpus = documents.write(root / "a.jsonl", documents.records(4))
    blocks = jobs.build_blocks(corpus, vocab=vocab, output_root=str(root), length=48, num_shards=1)
    tagger = taggers.segment(root, vocabularies.tokenizer(), {"warsaw": "B-LOC"})
    return {"blocks": blocks.path, "vocab": vocab, "tagger": tagger.path, "root": root}


def _tag(inputs, *args):
    options = ("--blocks", inputs["blocks"], "--vocab", inputs["vocab"])
    options += ("--output", str(inputs["root"] / "out"), "--json", *args)
    return click.testing.CliRunner().invoke(main.main, ["tag", *options])


def _counts(inputs, *args):
    result = _tag(inputs, *args)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_rules_by_default(inputs):
    assert _counts(inputs)["spans_NAME"] > 0
    assert _counts(inputs, "--tagger", "rules")["path"] == _counts(inputs)["path"]


def test_tagger_by_option_and_by_setting(inputs):
    figures = _counts(inputs, "--tagger", inputs["tagger"])
    assert figures["spans_LOC"] > 0
    assert "spans_NAME" not in figures
    assert _counts(inputs, "--set", f"tagging.tagger={inputs['tagger']}") == figures


def test_no_such_tagger(inputs):
    result = _tag(inputs, "--tagger", "nowhere")
    assert result.exit_code == 2
    assert "Received: 'nowhere'" in result.stderr


def test_dry_run_prints_the_report_and_writes_nothing(inputs):
    before = sorted(inputs["root"].rglob("*"))
    result = _tag(inputs, "--dry-run", "2", "--set", "tagging.dates=none")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["blocks", "2"] in lines
    assert ["blocks", inputs["blocks"]] in lines
    assert sorted(inputs["root"].rglob("*")) == before
