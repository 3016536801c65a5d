# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm evaluate` of files of predictions: figures, comparison, and ORQA's format."""

import json

import click.testing
import pytest

from realm_tf.cli import main
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import predictions
from tests.evaluation import given


def _made(right):
    """Predictions for twelve questions, of which so many are right."""
    return [
        given.prediction(
            questions_lib.Question(str(n), f"Who was number {n}?", (f"x{n}",), ("d",)),
            f"x{n}" if n < right else "nobody",
            evidence=given.evidence(gold_rank=0),
        )
        for n in range(12)
    ]


@pytest.fixture
def files(tmp_path):
    made = {"good": _made(9), "bad": _made(1)}
    for name, found in made.items():
        predictions.write(str(tmp_path / f"{name}.jsonl"), found)
    return {name: str(tmp_path / f"{name}.jsonl") for name in made}


def _evaluate(*args):
    return click.testing.CliRunner().invoke(main.main, ["evaluate", *map(str, args)])


def _json(*args):
    result = _evaluate(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_file_is_scored(files):
    found = _json("--predictions", files["good"])
    assert found["exact_match"] == 0.75
    assert found["fine_tuned_gold_recall@1"] == 1.0
    text = _evaluate("--predictions", files["good"]).stdout
    (line,) = (line for line in text.splitlines() if line.split()[:1] == ["exact_match"])
    assert line.split()[1:3] == ["0.750", "±0.250"]
    assert "by question word" in text


def test_two_files_are_compared(files):
    command = ("--predictions", files["good"], "--against", files["bad"])
    em = _json(*command)["against"]["figures"]["exact_match"]
    assert em["difference"] == pytest.approx(8 / 12)
    assert em["p_value"] == pytest.approx(2 / 2**8, abs=0.005)
    text = _evaluate(*command).stdout
    assert "paired permutation test" in text
    assert "12 questions are in both" in text


def test_a_run_is_compared_by_the_system_that_it_exports(files, tmp_path):
    workdir = tmp_path / "run"
    workdir.mkdir()
    (workdir / "run.json").write_text("{}")
    command = ("--predictions", files["good"], "--against", workdir)
    refused = _evaluate(*command)
    assert refused.exit_code == 2
    assert "holds no predictions yet" in refused.stderr
    (workdir / "report.json").write_text(json.dumps({"systems": {"ict": {}, "realm": {}}}))
    predictions.write(str(workdir / "predictions_ict.jsonl"), _made(9))
    predictions.write(str(workdir / "predictions_realm.jsonl"), _made(5))
    compared = _json(*command)["against"]
    assert compared["theirs"] == str(workdir / "predictions_realm.jsonl")
    assert compared["figures"]["exact_match"]["theirs"] == pytest.approx(5 / 12)


def test_format_of_orqa(files, tmp_path):
    orqa = tmp_path / "new" / "orqa.jsonl"
    first = _json("--predictions", files["good"], "--write-orqa", orqa)
    refused = _evaluate("--predictions", orqa)
    assert refused.exit_code == 2
    assert "give --questions" in refused.stderr
    questions = ("--questions", files["bad"])  # a file of predictions is one of questions, too
    found = _json("--predictions", orqa, *questions)
    assert (found["exact_match"], found["f1"]) == (first["exact_match"], first["f1"])
    compared = _json("--predictions", files["bad"], "--against", orqa)["against"]
    assert compared["figures"]["exact_match"]["theirs"] == first["exact_match"]
    lines = orqa.read_text().splitlines(keepends=True)
    orqa.write_text("".join(lines[:10]))
    assert _json("--predictions", orqa, *questions)["missing_predictions"] == 2
    assert "2 questions have no prediction" in _evaluate("--predictions", orqa, *questions).stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "needs --workdir or --predictions"),
        (("--workdir", "a", "--predictions", "b"), "needs --workdir or --predictions"),
        (("--workdir", "gone"), "gone holds no run"),
        (("--workdir", "gone", "--questions", "q"), "--questions goes with --predictions"),
        (("--predictions", "gone"), "No such file of predictions: gone"),
        (("--predictions", "gone", "--set", "seed=1"), "--set says how --questions is read"),
    ],
)
def test_refusals(args, message):
    result = _evaluate(*args)
    assert result.exit_code == 2
    assert message in result.stderr


def test_questions_that_are_not_needed_are_refused(files):
    result = _evaluate("--predictions", files["good"], "--questions", files["bad"])
    assert result.exit_code == 2
    assert "--questions is for predictions in ORQA's format" in result.stderr


def test_wrong_paths_beside_right_ones(files):
    for option in ("--questions", "--against"):
        result = _evaluate("--predictions", files["good"], option, "gone")
        assert result.exit_code == 2
        assert "gone" in result.stderr
