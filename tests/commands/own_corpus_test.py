# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The way of configs/squad_plus.yaml and own_corpus.yaml: imported weights, a run, another run."""

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
from tests.training import runs

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


def _plus_options(root, source):
    """The options of squad_plus.yaml, with imported weights."""
    _realm("convert", "--from", "hf-bert", source, root / "encoder")
    _realm("convert", "--from", "hf-bert", "--layers", "1", source, root / "reader")
    more = {"init.reader": str(root / "reader"), "model.reader.encoder.num_layers": 1}
    return _options("squad_plus.yaml", root / "encoder", **more)


@pytest.mark.slow
def test_own_corpus(tmp_path, source, inputs):
    plus = _plus_options(tmp_path, source)
    _realm("run", *plus, *inputs, "--workdir", tmp_path / "squad_plus_run")
    _realm("convert", "--from", "realm-run", tmp_path / "squad_plus_run", tmp_path / "answering")
    options = _options("own_corpus.yaml", tmp_path / "answering", **{"open_qa.steps": 0})
    place = inputs.index("--questions-train")
    inputs = (*inputs[:place], *inputs[place + 2 :])  # nothing is trained
    checked = json.loads(_realm("data", "check", *options, *inputs, "--json"))
    assert checked["questions"].keys() == {"dev"}
    assert not [f for f in checked["findings"] if f["level"] == "error"]
    run = tmp_path / "run"
    _realm("run", *options, *inputs, "--workdir", run)
    assert json.loads((run / "data_check.json").read_text())["corpus"]["documents"] == 60
    table = vectors.VectorTable.open(_segment(run, "vectors"))
    norms = np.linalg.norm(table.gather(np.arange(len(table))), axis=-1)
    np.testing.assert_allclose(norms, 20**0.5, rtol=1e-5)
    taken = artifacts.open_segment(str(tmp_path / "answering" / "open_qa_weights"))
    made = _segment(run, "open_qa_weights")
    assert made.made_from["init"] == taken.fingerprint
    assert not list((run / "segments").glob("answer_rows-*"))  # nothing is learned from answers
    runs.require_equal(runs.saved_values(made), runs.saved_values(taken))
    assert "masked_accuracy" not in json.loads((run / "report.json").read_text())["systems"]["ict"]
    assert "block" in _realm("ask", "--model", run / "export", "Where does station 3 stand?")


def _segment(run, kind):
    (found,) = (run / "segments").glob(f"{kind}-*")
    return artifacts.open_segment(str(found), kind)


def test_squad_plus(tmp_path, source, inputs):
    options = _plus_options(tmp_path, source)
    assert "answer_in_corpus" in _realm("data", "check", *options, *inputs)
    planned = _realm("run", *options, *inputs, "--workdir", tmp_path / "run", "--dry-run")
    assert "open_qa   would run" in planned
    assert "pretrain  left out: pretrain.steps is 0" in planned
