# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm run` where it is not the usual one: other stages, other inputs, a refresher beside it."""

import json
import re

import pytest

from tests.beam_jobs import reference_corpora
from tests.commands import small_run

pytestmark = pytest.mark.slow

_realm, _run, _commits = small_run.realm, small_run.run, small_run.commits


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
    made = [(d["title"], d["text"]) for d in map(small_run.document, range(60))]
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


def test_passages_of_the_original_code_are_masked(inputs, tmp_path):
    news = [(n, small_run.news(n)) for n in range(40)]
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
