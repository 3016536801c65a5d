# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A finished run's weights for other runs: they answer there as they are, on other texts."""

import json
import pathlib
import shutil

import click.testing
import pytest
import yaml

from realm_tf import artifacts, config, types
from realm_tf.cli import main
from realm_tf.commands import convert_run
from realm_tf.text import vocabulary
from tests.commands import small_run
from tests.training import runs

pytestmark = pytest.mark.slow

# Neither stage before fine-tuning is trained, as with a pre-trained sentence encoder.
UNTRAINED = ("ict.steps=0", "pretrain.steps=0", "evaluation.baselines=false")


def _sets(*settings):
    return [word for setting in settings for word in ("--set", setting)]


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    small_run.run(inputs, workdir, *_sets(*UNTRAINED))
    return workdir


def _segment(folder, kind):
    (path,) = [path for path in folder.iterdir() if path.name.startswith(f"{kind}-")]
    return artifacts.open_segment(str(path), kind)


def test_another_run_answers_with_them(finished, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = small_run.commits(finished)
    told = small_run.realm("convert", "--from", "realm-run", finished, "answering")
    assert "answering/model.yaml" in told
    assert small_run.commits(finished) == before
    report = _run_on_news(inputs, tmp_path)
    made = _segment(tmp_path / "run" / "segments", "open_qa_weights")
    trained = _segment(finished / "segments", "open_qa_weights")
    runs.require_equal(runs.saved_values(made), runs.saved_values(trained))
    assert made.made_from["init"] == trained.fingerprint
    assert made.counts["steps"] == 0
    assert report["systems"]["ict"]["questions"] == 6
    asked = small_run.realm("ask", "--model", "run/export", "Who came to station 3?")
    assert "mayor" in asked  # of the news, which alone is there


def _run_on_news(inputs, folder):
    """The way of a new user: other texts, and not one step of training."""
    corpus = small_run.write(folder / "news.jsonl", [small_run.news(n) for n in range(40)])
    options = list(inputs)
    options[options.index("--corpus") + 1] = corpus
    given = dict(zip(options[::2], options[1::2], strict=True))
    small = yaml.safe_load(pathlib.Path(given.pop("--config")).read_text())
    for part in ("model", "vocab"):  # which the other run brings
        del small[part]
    (folder / "small.yaml").write_text(json.dumps(small))
    rest = [word for pair in given.items() for word in pair]
    files = ("--config", "answering/model.yaml", "--config", "small.yaml")
    return small_run.run((*files, *rest), folder / "run", *_sets(*UNTRAINED, "open_qa.steps=0"))


def test_settings_are_those_of_the_run(finished, tmp_path):
    taken = convert_run.take(str(finished), str(tmp_path / "taken"))
    assert [one.kind for one in taken] == [
        *("vocab", "embedder_weights", "reader_weights", "open_qa_weights")
    ]
    of_run = config.load(str(finished / "config.yaml"))
    lengths = ("pretrain.query_length=32", "ict.query_length=16")
    found = config.load(str(tmp_path / "taken" / "model.yaml"), lengths)
    assert found.model == of_run.model
    assert (found.blocks.length, found.blocks.template) == (40, of_run.blocks.template)
    assert (found.open_qa.query_length, found.open_qa.reader_length) == (24, 72)
    root = str(tmp_path / "taken")
    assert found.init == config.InitConfig(embedder=root, reader=root, open_qa=root)
    made = _segment(finished / "segments", "vocab")
    assert vocabulary.read(found.vocab.file) == vocabulary.read(made.file(vocabulary.FILE))


def test_what_cannot_be_taken_is_told(finished, tmp_path):
    with pytest.raises(types.UserError, match="not an empty directory"):
        convert_run.take(str(finished), str(finished))
    with pytest.raises(types.UserError, match="holds no run"):
        convert_run.take(str(tmp_path), str(tmp_path / "taken"))
    started = tmp_path / "started"
    shutil.copytree(finished, started)
    (weights,) = (started / "segments").glob("open_qa_weights-*")
    shutil.rmtree(weights)
    with pytest.raises(types.UserError, match=rf"has not ended: {weights} is not there"):
        convert_run.take(str(started), str(tmp_path / "taken"))
    assert not (tmp_path / "taken").exists()
    assert not weights.exists()


def test_options_of_importers_are_refused(finished, tmp_path):
    words = ("convert", "--from", "realm-run", "--layers", "1", str(finished), str(tmp_path / "x"))
    result = click.testing.CliRunner().invoke(main.main, words)
    assert result.exit_code == 2
    assert "--layers and --revision do not belong to realm-run" in result.output
