# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm data check`, and that `realm run` does the same first."""

import json

import click.testing
import pytest

from realm_tf.cli import main
from realm_tf.commands import data_check
from tests.beam_jobs import documents

SETTINGS = ("open_qa.num_read=1", "open_qa.num_searched=2", "pretrain.num_candidates=2")


def _write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


@pytest.fixture
def data(tmp_path):
    """Options of corpus and questions, whose answers are in the corpus but for the last."""
    texts = ["Lake Ohrid lies in the city.", "It was a river.", "The city was in a lake."]
    corpus = [{"id": str(n), "title": "Ohrid", "text": text} for n, text in enumerate(texts)]
    questions = [
        {"id": f"q{n}", "question": f"Where was lake {n}?", "answers": [answer]}
        for n, answer in enumerate(["city", "river", "lake ohrid", "zebrafuchsia"])
    ]
    options = ["--corpus", _write(tmp_path / "c.jsonl", corpus)]
    for setting in SETTINGS:
        options += ["--set", setting]
    return {
        "options": options,
        "vocab": documents.write_vocab(tmp_path),
        "some": _write(tmp_path / "some.jsonl", questions),
        "none": _write(tmp_path / "none.jsonl", questions[3:]),
    }


def _invoke(*args):
    return click.testing.CliRunner().invoke(main.main, [str(arg) for arg in args])


def _questions(path):
    return ("--questions-train", path, "--questions-dev", path)


def test_warnings_are_no_failure(data):
    command = ("data", "check", *data["options"], *_questions(data["some"]))
    result = _invoke(*command, "--vocab", data["vocab"])
    assert result.exit_code == 0, result.output
    assert "The answers of 1 of 4 training questions (25%) are in no document" in result.stdout
    found = json.loads(_invoke(*command, "--json").stdout)  # with a vocabulary from the corpus
    assert found["questions"]["dev"]["answer_in_corpus"] == 3
    assert found["lengths"]["blocks_about"] == 3
    few = json.loads(_invoke(*command, "--json", "--max-documents", "1").stdout)
    assert few["corpus"]["documents"] == 1
    assert not few["corpus"]["read_to_the_end"]


def test_answers_that_are_nowhere_end_it(data):
    result = _invoke("data", "check", *data["options"], *_questions(data["none"]))
    assert result.exit_code == 2
    last = result.stderr.splitlines()[-1]
    assert last.startswith("realm: No answer of the 1 training questions is in the text")
    assert "error: No answer of the 1 training questions" in result.stdout


@pytest.mark.parametrize("command", ["check", "run"])
def test_training_questions_are_needed_where_something_learns_from_them(data, tmp_path, command):
    names = ("data", "check") if command == "check" else ("run", "--workdir", tmp_path / "run")
    result = _invoke(*names, *data["options"], "--questions-dev", data["some"])
    assert result.exit_code == 2
    assert (
        "Training questions are missing, and open_qa.steps is 10000. Give --questions-train"
        in result.stderr.splitlines()[-1]
    )
    assert not (tmp_path / "run").exists()


def test_without_training_only_dev_questions_are_looked_at(data, tmp_path):
    (tmp_path / "answering").mkdir()
    untrained = ("--set", "open_qa.steps=0", "--set", f"init.open_qa={tmp_path}/answering")
    options = (*data["options"], *untrained, "--questions-dev", data["some"])
    result = _invoke("data", "check", *options, "--vocab", data["vocab"], "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["questions"].keys() == {"dev"}
    assert found["lengths"]["questions_longest"] == 12
    assert not any("training" in finding["message"] for finding in found["findings"])


def test_a_run_checks_first(data, tmp_path, caplog):
    workdir = tmp_path / "run"
    caplog.set_level("INFO", "realm_tf")
    result = _invoke("run", *data["options"], *_questions(data["none"]), "--workdir", workdir)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("realm: No answer of the 1 training")
    assert any("What a look at the data tells:" in message for message in caplog.messages)
    made = {path.name.partition("-")[0] for path in (workdir / "segments").iterdir()}
    assert made == {"vocab"}


def test_long_documents_are_a_small_sample(data, monkeypatch):
    command = ("data", "check", *data["options"], *_questions(data["some"]), "--json")
    monkeypatch.setattr(data_check, "_MOST_CHARACTERS", 30)  # the first has 28
    found = json.loads(_invoke(*command, "--vocab", data["vocab"]).stdout)
    assert found["lengths"]["blocks_about"] == 3
    assert sum(found["answers"].values()) == 1
    monkeypatch.setattr(data_check, "_MOST_CHARACTERS", 1)
    found = json.loads(_invoke(*command, "--vocab", data["vocab"]).stdout)
    assert found["lengths"]["blocks_median"] > 0
