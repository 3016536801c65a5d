# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm run`, all of it, on a corpus of sixty documents."""

import json
import pathlib
import re
import shutil

import click.testing
import pytest

from realm_tf.cli import main
from realm_tf.commands import export, measure, run_inputs
from realm_tf.retrieval import reading
from tests.beam_jobs import reference_corpora

pytestmark = pytest.mark.slow

_CITIES = ("Warsaw", "Chicago", "Ohrid", "Zagreb", "Lagos", "Quito")
_MONTHS = ("May", "June", "July", "August")
_DEV = 6

_ENCODER = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_size": 32,
    "max_positions": 96,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
_CONFIG = {
    "vocab": {"size": 300},
    "blocks": {"length": 40, "num_shards": 2},
    "model": {
        "embedder": {"encoder": _ENCODER, "projection_size": 8, "dropout": 0.0},
        "reader": {"encoder": _ENCODER, "span_size": 8, "max_span_width": 4},
    },
    "ict": {"steps": 4, "batch_size": 4, "query_length": 16},
    "pretrain": {
        "steps": 6,
        "batch_size": 4,
        "query_length": 32,
        "num_candidates": 3,
        "checkpoint_every_steps": 3,
        "refresh": {"every_steps": 3},
        "warmup": {"max_steps": 4, "batch_size": 4, "copy_accuracy": 0.0, "check_every_steps": 2},
    },
    "open_qa": {
        "steps": 4,
        "batch_size": 2,
        "query_length": 24,
        "reader_length": 72,
        "num_searched": 10,
        "num_read": 2,
    },
    "retrieval": {"recall_floor": 0.1},  # so few blocks of random weights have no nearest leaves
    "evaluation": {"masked_examples": 16, "recall_at": [1, 5], "held_out_fraction": 0.3},
    "runtime": {"prefetch_batches": 2},
}


def _document(number: int) -> dict:
    city, other = _CITIES[number % 6], _CITIES[(number * 5 + 1) % 6]
    month, year = _MONTHS[number % 4], 1900 + number
    text = (
        f"Station {number} stands in {city}. It was opened in {month} {year} by the people of"
        f" {other}. The trains of station {number} go to {other} every day."
        f" In {year + 50} the city of {city} built the station anew."
    )
    return {"id": f"s{number}", "title": f"Station {number}", "text": text}


def _question(number: int) -> dict:
    return {
        "question": f"Where does station {number} stand?",
        "answers": [_CITIES[number % 6]],
        "doc_ids": [f"s{number}"],
    }


def _write(path: pathlib.Path, records: list[dict]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def write_inputs(root: pathlib.Path) -> tuple[str, ...]:
    """Writes configuration, corpus and questions; returns the options of `realm run`."""
    numbers = range(0, 60, 3)
    config = root / "config.yaml"
    config.write_text(json.dumps(_CONFIG))  # JSON is YAML
    return (
        *("--config", str(config)),
        *("--corpus", _write(root / "corpus.jsonl", [_document(n) for n in range(60)])),
        *("--questions-train", _write(root / "t.jsonl", [_question(n) for n in numbers[_DEV:]])),
        *("--questions-dev", _write(root / "d.jsonl", [_question(n) for n in numbers[:_DEV]])),
    )


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def _realm(*args: object) -> str:
    result = click.testing.CliRunner().invoke(main.main, [str(arg) for arg in args])
    if result.exception:
        raise result.exception
    return result.stdout


def _run(inputs, workdir, *more: str) -> dict:
    return json.loads(_realm("run", *inputs, "--workdir", workdir, "--json", *more))


def _commits(workdir: pathlib.Path) -> dict[str, int]:
    """When every segment was committed."""
    return {str(path): path.stat().st_mtime_ns for path in workdir.rglob("segment.json")}


@pytest.fixture(scope="module")
def finished(inputs, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    return workdir, _run(inputs, workdir)


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


def _watched(monkeypatch, module, name, workdir) -> list[int]:
    """How many snapshots are read at every call of a function."""
    function, seen = getattr(module, name), []

    def watched(*args, **kwargs):
        folders = {path.parent for path in workdir.rglob("snapshots/step-*.json")}
        seen.append(sum(len(reading.in_use(str(folder))) for folder in folders))
        return function(*args, **kwargs)

    monkeypatch.setattr(module, name, watched)
    return seen


def test_other_settings_of_the_evaluation_measure_again(inputs, finished, tmp_path, monkeypatch):
    workdir, figures = tmp_path / "run", finished[1]
    shutil.copytree(finished[0], workdir)
    in_use = _watched(monkeypatch, measure, "measure", workdir)
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
    in_use = _watched(monkeypatch, export, "export_model", workdir)
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


def test_apart_needs_a_directory(finished):
    command = ["export", "--workdir", str(finished[0]), "--apart"]
    told = click.testing.CliRunner().invoke(main.main, command)
    assert told.exit_code == 2
    assert "--apart needs --output DIR" in told.output


@pytest.mark.parametrize("index", ["ivf", "scann"])
def test_an_index_needs_a_directory(finished, index):
    command = ["export", "--workdir", str(finished[0]), "--index", index]
    told = click.testing.CliRunner().invoke(main.main, command)
    assert told.exit_code == 2
    assert f"--index {index} needs --output DIR" in told.output


def test_quickstart(tmp_path):
    settings = {
        "ict.steps": 2,
        "ict.batch_size": 4,
        "ict.optimizer.warmup_steps": 1,
        "pretrain.optimizer.warmup_steps": 1,
        "open_qa.optimizer.warmup_steps": 1,
        "pretrain.steps": 2,
        "pretrain.batch_size": 4,
        "pretrain.warmup.max_steps": 2,
        "pretrain.warmup.check_every_steps": 2,
        "pretrain.warmup.copy_accuracy": 0.0,
        "pretrain.refresh.every_steps": 2,
        "open_qa.steps": 2,
        "open_qa.batch_size": 2,
        "evaluation.masked_examples": 16,
        "evaluation.max_questions": 5,
        "evaluation.baselines": "false",
        "vocab.size": 1000,
    }
    options = (part for name, value in settings.items() for part in ("--set", f"{name}={value}"))
    told = _realm("quickstart", "--workdir", tmp_path, *options)
    assert "Five questions of the dev set, answered by the SavedModel in" in told
    assert "realm ask --model" in told


def test_refresher_beside_the_trainer(inputs, tmp_path, caplog):
    settings = {
        "pretrain.refresh.mode": "async",
        "pretrain.steps": 12,
        "pretrain.refresh.on_stale": "wait",
        "pretrain.refresh.max_staleness_steps": 6,
        "evaluation.baselines": "false",
    }
    options = (part for name, value in settings.items() for part in ("--set", f"{name}={value}"))
    figures = _run(inputs, tmp_path, *options)
    assert figures["pretrain"]["staleness_steps_max"] <= 6
    (swaps,) = tmp_path.glob("training/pretrain-*/swaps.json")
    assert len(json.loads(swaps.read_text())) >= 2
    log = (tmp_path / "training" / "refresher" / "refresher.log").read_text()
    assert "embeds the blocks with the export of step 3" in log
    with caplog.at_level("INFO"):
        assert _realm("refresh", "--workdir", tmp_path) == ""
        assert _realm("refresh", "--workdir", tmp_path, "--watch") == ""
    assert "joint training has ended" in caplog.text
    replay = ("--replay-swaps", swaps, "--profile", "4:6")
    assert "embedder_weights" in _realm("train", "realm/pretrain", "--workdir", tmp_path, *replay)
    logs = [json.loads(p.read_text()) for p in tmp_path.glob("training/pretrain-*/swaps.json")]
    found = [[(swap["batch_index"], swap["snapshot_step"]) for swap in log] for log in logs]
    assert found[0] == found[1]
    (profile,) = tmp_path.glob("training/pretrain-*/summaries/plugins/profile/*/*.xplane.pb")
    assert swaps.parent not in profile.parents
    trainings = json.loads(_realm("inspect", tmp_path, "--quick", "--json"))["trainings"]
    joint = [training for training in trainings if training["stage"] == "pretrain"]
    assert [training["step"] for training in joint] == [12, 12]
    assert all(0 <= training["held_out_recall_last"] <= 1 for training in joint)


def test_closed_gate_skips_joint_training(inputs, tmp_path):
    figures = _run(inputs, tmp_path, "--set", "pretrain.warmup.copy_accuracy=1.0")
    assert figures["warmup"]["passed"] == 0
    assert "under the gate of 1.0" in figures["pretrain"]["skipped"]
    assert figures["systems"].keys() == {"random", "ict"}
    assert (tmp_path / "export").exists()
    text = _realm("evaluate", "--workdir", tmp_path)
    assert "Joint training does not start" in text
    assert text.splitlines()[-1] == f"Plots and examples: {tmp_path}/report.html"
    assert "<svg" in (tmp_path / "report.html").read_text()
    settings = ("pretrain.warmup.copy_accuracy=1.0", "evaluation.baselines=false")
    (tmp_path / "report.json").unlink()
    more = (part for setting in settings for part in ("--set", setting))
    assert _run(inputs, tmp_path, *more)["systems"].keys() == {"ict"}
    assert not (tmp_path / "predictions_random.jsonl").exists()


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


def test_run_in_a_directory_of_any_name(inputs, tmp_path):
    workdir = tmp_path / "run [1] *?"
    assert _run(inputs, workdir)["systems"].keys() == {"random", "ict", "realm"}
    question = "Where does station 3 stand?"
    assert _realm("ask", "--model", workdir / "export", "--", question)


def test_joint_training_can_be_left_out(inputs, tmp_path):
    settings = ("--set", "pretrain.steps=0", "--set", "evaluation.baselines=false")
    figures = _run(inputs, tmp_path, *settings)
    assert figures["pretrain"]["skipped"].startswith("pretrain.steps is 0")
    assert figures["systems"].keys() == {"ict"}
    assert (tmp_path / "export").exists()


def test_supervised_run(inputs, tmp_path):
    settings = {
        "pretrain.steps": 0,
        "dual_encoder.steps": 3,
        "dual_encoder.batch_size": 4,
        "dual_encoder.query_length": 24,
        "dual_encoder.optimizer.warmup_steps": 1,
        "open_qa.supervision.bm25_blocks": 5,
        "open_qa.supervision.read": "both",
        "open_qa.supervision.passages": "both",
        "evaluation.arms": "[bm25, bm25+fine_tuned]",
    }
    options = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    figures = _run(inputs, tmp_path, *options)
    assert figures["systems"].keys() == {"random", "ict", "dual_encoder"}
    assert "exact_match" in figures["systems"]["dual_encoder"]["retrievers"]["bm25"]
    assert {"word_ranks", "dual_encoder", "open_qa/dual_encoder"} < figures["seconds"].keys()
    before = _commits(tmp_path)
    trained = _realm("train", "realm/dual_encoder", "--workdir", tmp_path).strip()
    assert f"{trained}/segment.json" in before
    assert "realm/dual_encoder" in _realm("inspect", trained)
    told = json.loads(_realm("inspect", tmp_path, "--json"))
    assert told["stages"]["dual_encoder"] == "complete"
    assert all(state == "complete" for name, state in told["stages"].items() if name != "pretrain")
    assert {"dual_encoder", "ict"} <= {training["stage"] for training in told["trainings"]}
    assert _run(inputs, tmp_path, *options) == figures
    assert _commits(tmp_path) == before


def test_ready_blocks_of_the_original_code(inputs, tmp_path):
    made = [(d["title"], d["text"]) for d in map(_document, range(60))]
    corpus = reference_corpora.write_realm_blocks(tmp_path / "corpus", made)
    options = ("--corpus", corpus, "--format", "realm-blocks")
    quick = ("--set", "pretrain.warmup.copy_accuracy=1.0", "--set", "evaluation.baselines=false")
    workdir = tmp_path / "run"
    figures = _run(inputs, workdir, *options, *quick)
    assert figures["corpus"]["blocks"] == 60
    assert json.loads((workdir / "run.json").read_text())["format"] == "realm-blocks"
    before = _commits(workdir)
    assert json.loads(_realm("evaluate", "--workdir", workdir, "--json")) == figures
    assert _commits(workdir) == before


def _report_of(name: int) -> dict:
    """A text of another corpus, about the same stations."""
    city, month = _CITIES[name % 6], _MONTHS[name % 4]
    text = f"News {name}. In {month} {1950 + name} the mayor of {city} came to Station {name}."
    return {"id": f"s{name}", "title": f"News {name}", "text": text}  # the ids say nothing


def test_spans_of_another_corpus_are_masked(inputs, finished, tmp_path):
    other = _write(tmp_path / "news.jsonl", [_report_of(n) for n in range(40)])
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


def test_passages_of_the_original_code_are_masked(inputs, tmp_path):
    news = [(n, _report_of(n)) for n in range(40)]
    corpus = reference_corpora.write_pretrain(
        tmp_path / "news",
        [reference_corpora.passage(d["title"], d["text"], [str(1950 + n)]) for n, d in news],
    )
    options = ("--pretrain-corpus", corpus, "--pretrain-format", "realm-pretrain")
    quick = ("--set", "pretrain.warmup.copy_accuracy=1.0", "--set", "evaluation.baselines=false")
    workdir = tmp_path / "run"
    figures = _run(inputs, workdir, *options, *quick)
    assert figures["passages"]["blocks"] == 40
    assert figures["passages"]["spans"] == 40
    (spans,) = workdir.glob("segments/spans-*/")
    assert re.search(r"In \w+ \[\[19\d\d\]\] the", _realm("inspect", spans))


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
    new = _write(tmp_path / "new.jsonl", [_document(100), _document(101)])
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
