# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What needs no TensorFlow imports none: looking at segments, and refusing settings and paths."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from realm_tf.data.questions import questions
from realm_tf.evaluation import predictions
from tests.beam_jobs import documents
from tests.data import example_passages
from tests.evaluation import given

ROOT = pathlib.Path(__file__).parents[2]
# Runs commands, each a list of arguments, where importing TensorFlow or Beam is an error.
_RUN = """
import click.testing, json, os, sys
sys.modules |= {"tensorflow": None, "apache_beam": None}
from realm_tf.cli import main
found = []
for args in json.loads(sys.argv[1]):
    result = click.testing.CliRunner().invoke(main.main, args)
    found.append([result.exit_code, result.stdout, result.stderr or repr(result.exception)])
print(json.dumps([found, os.environ.get("TF_CPP_MIN_LOG_LEVEL")]))
"""


def _run(*commands: list[str], **variables: str) -> tuple[list[tuple[int, str, str]], str | None]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(commands)],
        env={**env, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    blocks, spans = example_passages.segments(root, example_passages.passages(seed=0, num_docs=3))
    corpus = documents.write(root / "corpus.jsonl", [{"id": "1", "text": "A lake."}])
    job = root / "jobs" / "blocks-1"
    job.mkdir(parents=True)
    (job / "report.txt").write_text("records 3\n")
    vocab = documents.write_vocab(root)
    made = {"blocks": blocks.path, "spans": spans.path, "vocab": vocab, "corpus": corpus}
    return {name: str(path) for name, path in {**made, "job": job}.items()}


def test_segments_and_reports_are_shown(made):
    paths = [made[name] for name in ("blocks", "spans", "vocab", "job")]
    found, _ = _run(*(["inspect", path] for path in paths), ["inspect", paths[0], "--row", "1"])
    for code, output, error in found:
        assert code == 0, error
        assert output
    assert "blocks segment" in found[0][1]
    assert "[[" in found[1][1]


def test_how_far_a_run_is(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "config.yaml").write_text("ict: {steps: 70}")
    training = tmp_path / "training" / "embedder_weights-0a"
    training.mkdir(parents=True)
    (training / "figures.jsonl").write_text('{"step": 50, "accuracy": 0.75}\n')
    inspect = ["inspect", str(tmp_path), "--quick"]
    (text, facts), _ = _run(inspect, [*inspect, "--json"])
    assert text[0] == 0, text
    assert "step 50 of 70" in text[1]
    assert json.loads(facts[1])["trainings"][0]["latest"] == {"accuracy": 0.75}


def test_predictions_are_scored_and_compared(tmp_path):
    path = str(tmp_path / "predictions.jsonl")
    question = questions.Question("1", "Who?", ("Ada",))
    predictions.write(path, [given.prediction(question, "Ada")])
    ((code, output, error),), _ = _run(["evaluate", "--predictions", path, "--against", path])
    assert code == 0, error
    assert "paired permutation test" in output


def test_help(made):
    names = ("run", "vocab", "blocks", "tag", "train", "embed", "index", "ask", "serve", "convert")
    for code, output, error in _run(["--help"], *([name, "--help"] for name in names))[0]:
        assert code == 0, error
        assert output.startswith("Usage: ")


def test_settings_and_paths_are_refused(made):
    questions = ["--questions-train", made["corpus"], "--questions-dev"]
    corpus, blocks, vocab = (["--" + n, made[n]] for n in ("corpus", "blocks", "vocab"))
    out, wrong = ["--output", "out"], ["--set", "nonsense=1"]
    run = ["run", "--workdir", "out"]
    commands = {
        (*run, *corpus, *questions, made["corpus"], *wrong): "config key nonsense",
        (*run, *corpus, *questions, "gone.jsonl"): "No such file of questions: gone.jsonl",
        (*run, "--corpus", "gone", *questions, made["corpus"]): "No file matches 'gone'",
        (*run, *corpus, "--pretrain-corpus", "gone", *questions, made["corpus"]): "matches 'gone'",
        ("quickstart", "--workdir", "out", *wrong): "config key nonsense",
        ("vocab", "--corpus", "gone/*.jsonl", *out): "No file matches 'gone/*.jsonl'",
        ("vocab", *corpus, *out, "--config", "gone.yaml"): "No such config file: gone.yaml",
        ("blocks", *corpus, "--vocab", made["blocks"], *out): "a 'vocab' segment is needed",
        ("tag", "--blocks", made["vocab"], *vocab, *out): "a 'blocks' segment is needed",
        ("tag", *blocks, *vocab, *out, *wrong): "config key nonsense",
        (
            "examples",
            "--task",
            "ict",
            *blocks,
            "--spans",
            "gone",
            *vocab,
            *out,
        ): "gone is not a complete segment",
        ("embed", *blocks, *vocab, "--embedder", "gone", *out): "gone is not a complete segment",
        ("index", "--vectors", "gone", *out): "gone is not a complete segment",
        ("evaluate", "--workdir", "gone"): "gone holds no run",
        ("evaluate", "--predictions", made["corpus"]): "corpus.jsonl:1 is not a prediction",
        ("export", "--workdir", "gone"): "gone holds no run",
        ("train", "realm/ict", "--workdir", "gone"): "gone holds no run",
        ("refresh", "--workdir", "gone"): "gone holds no run",
        (
            *("train", "realm/span_tagger", *vocab, *out),
            *("--train", made["corpus"], "--dev", "gone.conll"),
        ): "No file matches 'gone.conll'",
        ("ask", "--model", made["blocks"], "Who?"): "holds no exported model",
        ("convert", "--from", "hf-bert", "./gone", "out"): "No such file, directory or checkpoint",
        ("convert", "--to", "hf-realm", "gone", "out"): "No such file, directory or checkpoint",
        ("inspect", "gone"): "gone is not a complete segment",
        ("inspect", "snapshots/step-000000001.json"): "snapshots/step-000000001.json",
    }
    for args, (code, output, error) in zip(commands, _run(*map(list, commands))[0], strict=True):
        assert (code, output) == (2, ""), (args, error)
        assert error.startswith("realm: "), args
        assert error.count("\n") == 1, args
        assert commands[args] in error


@pytest.mark.parametrize(
    ("options", "variables", "level"),
    [
        ([], {}, "23"),
        ([], {"TF_CPP_MIN_LOG_LEVEL": "1"}, "1"),
        (["--verbose"], {}, None),
    ],
)
def test_tensorflow_is_quiet_unless_the_user_wants_it(options, variables, level):
    _, found = _run([*options, "evaluate", "--workdir", "gone"], **variables)
    assert found is None if level is None else found in level
