# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm run`, all of it, and what is done with a finished run."""

import json
import pathlib
import shutil

import click.testing
import pytest

from realm_tf.cli import main
from realm_tf.commands import export, run_inputs, run_pipeline
from realm_tf.commands.documents import run_record
from serving import versions
from tests.commands import small_run

pytestmark = pytest.mark.slow

_realm, _run, _commits = small_run.realm, small_run.run, small_run.commits


def test_report_holds_every_stage(finished):
    workdir, figures = finished
    assert json.loads((workdir / "report.json").read_text()) == figures
    assert figures["corpus"]["documents"] == 60
    assert figures["warmup"]["passed"] == 1
    assert figures["pretrain"]["done"] is True
    assert figures["pretrain"]["staleness_steps_max"] == 4
    assert figures["systems"].keys() == {"random", "ict", "realm"}
    for name, measured in figures["systems"].items():
        assert 0 <= measured["recall@1"] <= measured["recall@5"] <= 1
        assert 0 <= measured["exact_match"] <= measured["f1"] <= 1
        assert measured["exact_match"] <= measured["any_match"] <= 1
        assert 0 < measured["answer_calibration_error"] <= 1
        assert measured["exact_match"] <= measured["reader_oracle"]
        assert measured["by_question_word"].keys() == {"where"}
        assert 0 <= measured["masked_null_probability"] <= 1
        assert (workdir / f"predictions_{name}.jsonl").exists()


def test_exported_model_answers(finished):
    workdir, _ = finished
    question = "Where does station 3 stand?"
    told = _realm("ask", "--model", workdir / "export", "--answers", 2, "--json", question)
    answers = json.loads(told)["answers"]
    assert answers
    for answer in answers:
        text = answer["block_text"].encode()
        assert text[answer["byte_start"] : answer["byte_limit"]].decode() == answer["text"]


def test_finished_run_is_compared(finished, tmp_path):
    workdir, figures = finished
    orqa = tmp_path / "orqa.jsonl"
    against = ("--against", workdir / "predictions_ict.jsonl", "--write-orqa", orqa)
    found = json.loads(_realm("evaluate", "--workdir", workdir, *against, "--json"))
    compared = found.pop("against")
    assert found == figures
    assert compared["questions"] == 6
    em = compared["figures"]["exact_match"]
    of_systems = [figures["systems"][name]["exact_match"] for name in ("realm", "ict")]
    assert [em["ours"], em["theirs"]] == of_systems
    questions = ("--questions", workdir / "predictions_realm.jsonl")
    again = json.loads(_realm("evaluate", "--predictions", orqa, *questions, "--json"))
    assert again["exact_match"] == figures["systems"]["realm"]["exact_match"]


def test_second_run_makes_nothing_twice(inputs, finished):
    workdir, figures = finished
    before, versions = _commits(workdir), sorted((workdir / "export").iterdir())
    assert len(before) > 10
    assert _run(inputs, workdir) == figures
    assert _commits(workdir) == before
    assert sorted((workdir / "export").iterdir()) == versions


def test_when_to_save_decides_nothing(inputs, finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    before = _commits(workdir)
    settings = ("ict.checkpoint_every_steps=2", "pretrain.refresh.keep_snapshots=1")
    _run(inputs, workdir, *(part for setting in settings for part in ("--set", setting)))
    assert _commits(workdir) == before


def test_one_experiment_of_a_finished_run_is_there(finished):
    workdir, _ = finished
    before = _commits(workdir)
    trained = _realm("train", "realm/ict", "--workdir", workdir).strip()
    assert f"{trained}/segment.json" in before
    assert "embedder_weights" in _realm("inspect", trained)
    assert _commits(workdir) == before


def test_every_experiment_and_the_export_are_there(finished, tmp_path, monkeypatch):
    workdir, _ = finished
    in_use = small_run.watched(monkeypatch, export, "export_model", workdir)
    before = _commits(workdir)
    trained = _realm("train", "realm/pretrain", "--workdir", workdir).split()
    trained += _realm("train", "realm/open_qa", "--workdir", workdir).split()
    assert {f"{path}/segment.json" for path in trained} <= before.keys()
    assert _commits(workdir) == before
    report = (workdir / "report.json").read_text()
    model = _realm("export", "--workdir", workdir, "--output", tmp_path / "model").strip()
    assert in_use == [1]
    told = _realm("ask", "--model", model, "Where does station 3 stand?")
    assert "station" in told
    assert (workdir / "report.json").read_text() == report
    two = tmp_path / "two"
    assert _realm("export", "--workdir", workdir, "--output", two, "--apart").strip() == str(two)
    assert sorted(p.name for p in two.iterdir() if p.is_dir()) == ["reader", "retriever"]
    assert _realm("ask", "--model", two, "Where does station 3 stand?") == told
    again = _realm("export", "--workdir", workdir, "--output", two, "--apart", "--json")
    assert json.loads(again)["version"] == {"reader": 1, "retriever": 1}


@pytest.mark.parametrize("index", ["exact", "ivf"])
def test_export_in_shards(finished, tmp_path, index):
    workdir, _ = finished
    question, path = "Where does station 3 stand?", tmp_path / "shards"
    given = ("export", "--workdir", workdir, "--index", index, "--json", "--output")
    one = tmp_path / "one"
    _realm(*given, one)
    told = json.loads(_realm(*given, path, "--shards", 2))
    names = ["shard-00000-of-00002", "shard-00001-of-00002", "reader"]
    assert told["version"] == dict.fromkeys(names, 1)
    if index == "exact":
        expected = _realm("ask", "--model", one, "--json", "--answers", 9, question)
        found = _realm("ask", "--model", path, "--json", "--answers", 9, question)
        _require_close(json.loads(found), json.loads(expected))
    records = [json.loads((path / name / "1" / versions.RECORD).read_text()) for name in names[:2]]
    assert [record["search"]["index"] for record in records] == [index, index]
    assert json.loads(_realm(*given, path, "--shards", 2)) == told  # it is current
    faults = {path: "an export of another form", tmp_path / "nine": "cannot be divided"}
    for output, fault in faults.items():
        command = [*map(str, given), str(output), "--shards", "9"]
        refused = click.testing.CliRunner().invoke(main.main, command)
        assert refused.exit_code == 2
        assert fault in refused.output


def _require_close(found, expected):
    assert found.keys() == expected.keys()
    if "answers" in found:
        assert found["no_evidence"] == pytest.approx(expected["no_evidence"], abs=1e-6)
        assert len(found["answers"]) == len(expected["answers"]) > 0
        for pair in zip(found["answers"], expected["answers"], strict=True):
            _require_close(*pair)
    else:
        assert found == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("option", ["--apart", "--shards=2"])
def test_several_models_need_a_directory(finished, option):
    command = ["export", "--workdir", str(finished[0]), option]
    told = click.testing.CliRunner().invoke(main.main, command)
    assert told.exit_code == 2
    assert f"{option.partition('=')[0]} needs --output DIR" in told.output
    both = click.testing.CliRunner().invoke(main.main, [*command, "--apart", "--shards", "2"])
    assert both.exit_code == 2
    assert "Give --apart or --shards" in both.output


@pytest.mark.parametrize("index", ["ivf", "scann"])
def test_an_index_needs_a_directory(finished, index):
    command = ["export", "--workdir", str(finished[0]), "--index", index]
    told = click.testing.CliRunner().invoke(main.main, command)
    assert told.exit_code == 2
    assert f"--index {index} needs --output DIR" in told.output


def test_report_holds_only_the_present_configuration(inputs, finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    figures = _run(inputs, workdir, "--set", "pretrain.warmup.copy_accuracy=1.0")
    assert figures["systems"].keys() == {"random", "ict"}
    assert not {"pretrain", "open_qa/realm", "evaluate/realm"} & figures["seconds"].keys()
    assert {p.name for p in workdir.glob("predictions_*")} == {
        "predictions_random.jsonl",
        "predictions_ict.jsonl",
    }


def test_seconds_are_of_work_that_was_done(finished, inputs, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    seconds = finished[1]["seconds"]
    assert {"vocab", "blocks", "tag", "ict", "warmup", "pretrain", "export"} < seconds.keys()
    assert json.loads(_realm("evaluate", "--workdir", workdir, "--json"))["seconds"] == seconds
    for segment in workdir.glob("segments/vocab-*"):
        shutil.rmtree(segment)
    again = _run(inputs, workdir)["seconds"]
    assert {name for name in seconds if again[name] != seconds[name]} <= {"vocab"}


def test_finished_run_needs_no_corpus_to_be_evaluated(inputs, finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    held = json.loads((workdir / "run.json").read_text())
    gone = {**held, "corpus": str(tmp_path / "gone.jsonl")}
    config = run_inputs.load(str(workdir))[1]
    record = json.loads((workdir / "data.json").read_text())
    (workdir / "run.json").write_text(json.dumps(gone))
    record["run"] = run_inputs.digest(run_inputs.load(str(workdir))[0], config)
    (workdir / "data.json").write_text(json.dumps(record))  # as if the corpus had been there
    before = _commits(workdir)
    assert json.loads(_realm("evaluate", "--workdir", workdir, "--json")) == finished[1]
    assert _commits(workdir) == before
    (workdir / "data.json").write_text("{")
    with pytest.raises(SystemExit):
        _realm("evaluate", "--workdir", workdir)


def test_dry_run_says_what_would_run_and_writes_nothing(inputs, finished, tmp_path):
    workdir, _ = finished
    there = sorted((str(p), p.stat().st_mtime_ns) for p in workdir.rglob("*"))
    stages = json.loads(_realm("run", *inputs, "--workdir", workdir, "--dry-run", "--json"))
    assert set(stages.values()) == {"complete"}
    more = ("--set", "open_qa.steps=5", "--dry-run", "--json")
    stages = json.loads(_realm("run", *inputs, "--workdir", workdir, *more))
    assert [n for n, s in stages.items() if s == "would run"] == ["open_qa", "evaluate", "export"]
    new = tmp_path / "new"
    text = _realm("run", *inputs, "--workdir", new, "--dry-run")
    assert "pretrain  would run if the reader passes its gate" in text
    assert not new.exists()
    assert sorted((str(p), p.stat().st_mtime_ns) for p in workdir.rglob("*")) == there


def test_inspect_shows_a_run(finished):
    workdir, figures = finished
    text = _realm("inspect", workdir)
    assert f"run {workdir}" in text
    assert "masked_retrieval_utility" in text
    found = json.loads(_realm("inspect", workdir, "--json"))
    assert found["is"] == "run"
    assert found["report"] == figures
    assert set(found["stages"].values()) == {"complete"}
    found = json.loads(_realm("inspect", workdir / "export", "--json"))
    assert (found["is"], found["versions"]) == ("export", [1])
    (blocks,) = workdir.glob("segments/blocks-*")
    row = json.loads(_realm("inspect", blocks, "--row", 3, "--json"))["row"]
    assert int(row["block_id"]) > 0
    assert row["text"]


@pytest.mark.parametrize("kind", ["vectors", "index", "embedder"])
def test_deleted_segments_are_made_again(inputs, finished, tmp_path, kind):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    for segment in workdir.glob(f"segments/{kind}-*"):
        shutil.rmtree(segment)
    figures = _run(inputs, workdir)
    assert figures["systems"].keys() == {"random", "ict", "realm"}
    if kind != "embedder":  # exported again, its bytes may be others
        assert figures["systems"] == finished[1]["systems"]


def test_flipped_vectors_are_not_exported(finished, tmp_path):
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    for path in workdir.glob("segments/vectors-*/vectors-*"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
    with pytest.raises(SystemExit) as ended:
        _realm("export", "--workdir", workdir, "--output", tmp_path / "out")
    assert ended.value.code == 2
    assert not (tmp_path / "out").exists()


def test_spans_of_another_corpus_are_masked(inputs, finished, tmp_path):
    other = small_run.write(tmp_path / "news.jsonl", [small_run.news(n) for n in range(40)])
    workdir = tmp_path / "run"
    options = ("--pretrain-corpus", other, "--set", "evaluation.baselines=false")
    figures = _run(inputs, workdir, *options)
    assert figures["corpus"]["documents"] == 60
    assert figures["passages"]["documents"] == 40
    assert figures["passages"]["spans"] >= 80
    assert figures["pretrain"]["done"] is True
    assert figures["systems"]["realm"]["masked_accuracy"] >= 0
    held = json.loads((workdir / "run.json").read_text())
    assert (held["pretrain_corpus"], held["pretrain_format"]) == (other, "jsonl")
    before = _commits(workdir)
    assert json.loads(_realm("evaluate", "--workdir", workdir, "--json")) == figures
    assert _commits(workdir) == before
    # The knowledge corpus is the same, so its blocks are, and the retriever's warm start.
    names = {path.parent.name for path in workdir.rglob("segment.json")}
    whole = {path.parent.name for path in finished[0].rglob("segment.json")}
    assert {n.partition("-")[0] for n in names & whole} >= {"vocab", "blocks", "embedder_weights"}


def _documents_of_answers(export: pathlib.Path, question: str) -> set[str]:
    told = _realm("ask", "--model", export, "--answers", 5, "--json", question)
    return {answer["doc_id"] for answer in json.loads(told)["answers"]}


def _segments(workdir: pathlib.Path, *kinds: str) -> set[str]:
    return {path.name for kind in kinds for path in workdir.glob(f"segments/{kind}-*")}


def test_documents_of_a_run_change(inputs, finished, tmp_path):
    """What is exported and measured has the documents as they are; what was purged is gone."""
    workdir = tmp_path / "run"
    shutil.copytree(finished[0], workdir)
    there = ("--workdir", workdir, "--set", "retrieval.max_delta_fraction=1000")
    new = small_run.write(
        tmp_path / "new.jsonl", [small_run.document(100), small_run.document(101)]
    )
    assert json.loads(_realm("documents", "add", new, *there, "--json"))["documents_added"] == 2
    gone = {f"s{n}" for n in range(40)}
    two = tmp_path / "two"
    to_two = (
        "export",
        "--workdir",
        workdir,
        "--output",
        two,
        "--apart",
        "--index",
        "ivf",
        "--json",
    )
    assert json.loads(_realm(*to_two))["version"] == {"retriever": 1, "reader": 1}
    made = _segments(workdir, "calibration", "index")
    _realm("documents", "delete", *gone, *there)
    # In seconds: the reader stays, and nothing is calibrated or indexed again.
    assert json.loads(_realm(*to_two))["version"] == {"retriever": 2, "reader": 1}
    assert _segments(workdir, "calibration", "index") == made
    assert json.loads(_realm(*to_two))["version"] == {"retriever": 2, "reader": 1}
    figures = json.loads(_realm("evaluate", "--workdir", workdir, "--json"))
    assert figures["systems"]["realm"]["gold_recall@1"] == 0  # the questions are of other documents
    assert figures["systems"]["ict"] == finished[1]["systems"]["ict"]
    _realm("export", "--workdir", workdir)
    found = _documents_of_answers(workdir / "export", "Where does station 3 stand?")
    assert found
    assert not found & gone
    assert _documents_of_answers(two, "Where does station 3 stand?") == found
    _realm("documents", "compact", "--purge", *there)
    shutil.rmtree(workdir / "export")
    for made in workdir.glob("predictions_*"):
        made.unlink()
    _realm("export", "--workdir", workdir)
    assert _documents_of_answers(workdir / "export", "Where does station 3 stand?") == found
    report = json.loads(_realm("documents", "verify-deleted", "s3", *there, "--json"))
    assert report["found"] == {}
    changes = {"evaluation.reader_dtype": "bfloat16"}
    with run_pipeline.Pipeline.open(str(workdir), changes=changes) as run:
        context, *_ = run_record.to_export(str(workdir), run.training)
    assert context.config.evaluation.reader_dtype == "bfloat16"
