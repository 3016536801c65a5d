# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A finished run that is measured, and answers, with other settings of its evaluation."""

import json
import pathlib
import shutil

import click.testing
import pytest

from realm_tf.cli import main
from realm_tf.commands import measure
from serving import versions
from tests.commands import small_run

pytestmark = pytest.mark.slow

_realm, _run, _commits = small_run.realm, small_run.run, small_run.commits


def test_other_settings_of_the_evaluation_measure_again(inputs, finished, tmp_path, monkeypatch):
    workdir, figures = tmp_path / "run", finished[1]
    shutil.copytree(finished[0], workdir)
    in_use = small_run.watched(monkeypatch, measure, "measure", workdir)
    before = _commits(workdir)
    again = _run(inputs, workdir, "--set", "evaluation.recall_at=[1, 3]")
    assert _commits(workdir) == before
    assert in_use == [1, 1, 1]
    for name, measured in again["systems"].items():
        assert "recall@3" in measured
        assert "recall@5" not in measured
        assert measured["recall@1"] == figures["systems"][name]["recall@1"]


def test_finished_run_is_measured_with_other_arms(finished, tmp_path):
    workdir, figures = tmp_path / "run", finished[1]
    shutil.copytree(finished[0], workdir)
    before = _commits(workdir)
    settings = ("evaluation.arms=[bm25, bm25+fine_tuned]", "evaluation.num_read=4")
    options = [part for setting in settings for part in ("--set", setting)]
    again = json.loads(_realm("evaluate", "--workdir", workdir, "--json", *options))
    new = _commits(workdir).keys() - before.keys()
    assert {pathlib.Path(path).parent.name.partition("-")[0] for path in new} == {"calibration"}
    for name, measured in again["systems"].items():
        of_arms = measured["retrievers"]
        found = {arm for arm, of_arm in of_arms.items() if "exact_match" in of_arm}
        assert found == {"bm25", "fine_tuned", "bm25+fine_tuned"}
        assert of_arms["fine_tuned"]["exact_match"] == measured["exact_match"]
        assert measured["recall@5"] == figures["systems"][name]["recall@5"]
        (line, *_) = (workdir / f"predictions_{name}@bm25.jsonl").read_text().splitlines()
        assert len(json.loads(line)["evidence"]["blocks"]) == 4
    # The settings stay, and so nothing is measured twice.
    assert json.loads(_realm("evaluate", "--workdir", workdir, "--json")) == again
    _realm("evaluate", "--workdir", workdir, "--set", "evaluation.arms=[fine_tuned]")
    assert not [*workdir.glob("predictions_*@*")]


def test_finished_run_answers_in_bfloat16(finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    before = _commits(workdir)
    _realm("evaluate", "--workdir", workdir, "--set", "evaluation.reader_dtype=bfloat16")
    new = [pathlib.Path(path) for path in _commits(workdir).keys() - before.keys()]
    assert {path.parent.name.partition("-")[0] for path in new} == {"calibration"}
    assert {json.loads(path.read_text())["settings"]["reader_dtype"] for path in new} == {
        "bfloat16"
    }
    version = pathlib.Path(_realm("export", "--workdir", workdir).strip()) / "2"
    assert version.is_dir()
    assert _realm("ask", "--model", version, "Where does station 3 stand?")


def test_finished_run_answers_from_the_fusion(finished, tmp_path):
    workdir, figures = tmp_path / "run", finished[1]
    shutil.copytree(finished[0], workdir)
    before = _commits(workdir)
    serve = ("--set", "retrieval.fusion.serve=true", "--set", "retrieval.fusion.depth=7")
    again = json.loads(_realm("evaluate", "--workdir", workdir, "--json", *serve))
    new = [pathlib.Path(path) for path in _commits(workdir).keys() - before.keys()]
    assert {path.parent.name.partition("-")[0] for path in new} == {"calibration"}
    assert {json.loads(path.read_text())["settings"]["fusion"]["depth"] for path in new} == {7}
    for name, measured in again["systems"].items():
        of_arms = measured["retrievers"]
        assert measured["exact_match"] == of_arms["bm25+fine_tuned"]["exact_match"]
        assert of_arms["fine_tuned"]["exact_match"] == figures["systems"][name]["exact_match"]
    assert {path.stem.partition("@")[2] for path in workdir.glob("predictions_*")} == {
        "",
        "fine_tuned",
    }
    version = pathlib.Path(_realm("export", "--workdir", workdir).strip()) / "2"
    record = json.loads((version / versions.RECORD).read_text())
    assert record["search"]["fusion"]["depth"] == 7
    told = json.loads(
        _realm("ask", "--model", version.parent, "--json", "Where does station 3 stand?")
    )
    assert -10 < told["answers"][0]["retrieval_score"] < 0
    command = ["export", "--workdir", workdir, "--output", tmp_path / "shards", "--shards", 2]
    refused = click.testing.CliRunner().invoke(main.main, [*map(str, command)])
    assert refused.exit_code == 2
    assert "retrieval.fusion.serve must be false" in refused.output
    assert not (tmp_path / "shards").exists()


@pytest.mark.parametrize(
    "setting", ["open_qa.steps=9", "evaluation.held_out_fraction=0.2", "evaluation.arms=[tfidf]"]
)
def test_evaluation_changes_no_other_setting(finished, tmp_path, setting):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    config = (workdir / "config.yaml").read_text()
    with pytest.raises(SystemExit) as ended:
        _realm("evaluate", "--workdir", workdir, "--set", setting)
    assert ended.value.code == 2
    assert (workdir / "config.yaml").read_text() == config
