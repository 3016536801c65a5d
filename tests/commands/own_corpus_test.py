# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The way of configs/own_corpus.yaml and squad_plus.yaml: imported weights, check, run, answer."""

import json
import pathlib

import click.testing
import numpy as np
import pytest

from realm_tf import artifacts
from realm_tf.cli import main
from realm_tf.retrieval import vectors
from realm_tf.text import vocabulary
from tests.commands import small_run
from tests.models.import_weights import foreign

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
POSITIONS = 256
# What is smaller than in the configurations, for a corpus of sixty documents.
SMALL = {
    "blocks.num_shards": 2,
    "open_qa.steps": 2,
    "open_qa.batch_size": 2,
    "open_qa.num_searched": 10,
    "open_qa.num_read": 2,
    "open_qa.optimizer.warmup_steps": 0,
    "evaluation.recall_at": [1, 5],
    "evaluation.held_out_fraction": 0.3,
}


def _realm(*args):
    result = click.testing.CliRunner().invoke(main.main, [str(arg) for arg in args])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Options of corpus and questions."""
    return small_run.write_inputs(tmp_path_factory.mktemp("inputs"))[2:]


@pytest.fixture(scope="module")
def source(tmp_path_factory, inputs):
    """A random BERT of two layers whose vocabulary has the words of the corpus."""
    texts = pathlib.Path(inputs[1]).read_text() + pathlib.Path(inputs[3]).read_text()
    found = {word for words in vocabulary.split_words([texts], lower_case=True) for word in words}
    vocab = [*vocabulary.SPECIAL_TOKENS, *sorted(found)]
    folder = tmp_path_factory.mktemp("source")
    sizes = {"vocab_size": len(vocab), "max_position_embeddings": POSITIONS}
    shapes = foreign.hf_encoder()
    shapes["embeddings.word_embeddings.weight"] = (len(vocab), foreign.HIDDEN)
    shapes["embeddings.position_embeddings.weight"] = (POSITIONS, foreign.HIDDEN)
    foreign.write_hf(folder, foreign.draw(shapes), foreign.CONFIG | sizes)
    (folder / "vocab.txt").write_text("\n".join(vocab))
    return folder


def _options(name, encoder, **more):
    settings = {**SMALL, **more}
    sets = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    files = ("--config", encoder / "model.yaml", "--config", CONFIGS / name)
    return [*files, *(word for text in sets for word in ("--set", text))]


@pytest.mark.slow
def test_own_corpus(tmp_path, source, inputs):
    _realm("convert", "--from", "hf-bert", source, tmp_path / "encoder")
    options = _options("own_corpus.yaml", tmp_path / "encoder")
    checked = json.loads(_realm("data", "check", *options, *inputs, "--json"))
    assert checked["questions"]["training"]["answer_in_corpus"] == 14
    assert not [f for f in checked["findings"] if f["level"] == "error"]
    run = tmp_path / "run"
    _realm("run", *options, *inputs, "--workdir", run)
    assert json.loads((run / "data_check.json").read_text())["corpus"]["documents"] == 60
    (found,) = (run / "segments").glob("vectors-*")
    table = vectors.VectorTable.open(artifacts.open_segment(str(found), "vectors"))
    norms = np.linalg.norm(table.gather(np.arange(len(table))), axis=-1)
    np.testing.assert_allclose(norms, 20**0.5, rtol=1e-5)
    assert "block" in _realm("ask", "--model", run / "export", "Where does station 3 stand?")


def test_squad_plus(tmp_path, source, inputs):
    _realm("convert", "--from", "hf-bert", source, tmp_path / "encoder")
    _realm("convert", "--from", "hf-bert", "--layers", "1", source, tmp_path / "reader")
    more = {"init.reader": str(tmp_path / "reader"), "model.reader.encoder.num_layers": 1}
    options = _options("squad_plus.yaml", tmp_path / "encoder", **more)
    assert "answer_in_corpus" in _realm("data", "check", *options, *inputs)
    planned = _realm("run", *options, *inputs, "--workdir", tmp_path / "run", "--dry-run")
    assert "open_qa   would run" in planned
