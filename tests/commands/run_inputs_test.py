# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a run was started with is found again from anywhere, and refused where it is broken."""

import dataclasses
import json
import os
import pathlib

import pytest
import yaml

from realm_tf import config, types
from realm_tf.commands import run_inputs

_CONFIG = config.Config(seed=3)


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("docs", "work"):
        pathlib.Path(folder).mkdir()
    for name in ("docs/a.jsonl", "train.jsonl", "dev.jsonl"):
        pathlib.Path(name).write_text('{"question": "Who?", "answers": ["I"]}\n')
    return run_inputs.Inputs("docs/*.jsonl", "train.jsonl", "./dev.jsonl")


def test_paths_are_absolute_and_addresses_stay(inputs, tmp_path):
    given = dataclasses.replace(inputs, pretrain_corpus="gs://bucket/news/*.jsonl")
    found = given.absolute()
    assert found.corpus == f"{tmp_path}/docs/*.jsonl"
    assert found.questions_train == f"{tmp_path}/train.jsonl"
    assert found.questions_dev == f"{tmp_path}/dev.jsonl"
    assert found.pretrain_corpus == "gs://bucket/news/*.jsonl"
    assert found.absolute() == found


def test_run_is_found_from_another_directory(inputs, tmp_path, monkeypatch):
    run_inputs.save("work", inputs, _CONFIG)
    monkeypatch.chdir("/")
    found, settings = run_inputs.load(f"{tmp_path}/work")
    run_inputs.check(found, _CONFIG)
    assert settings == _CONFIG


def test_pattern_within_a_directory_with_wildcards_in_its_name(inputs, tmp_path, monkeypatch):
    place = tmp_path / "run [1] *"
    (place / "docs").mkdir(parents=True)
    (place / "docs" / "a.jsonl").write_text("")
    monkeypatch.chdir(place)
    kept = inputs.absolute().corpus
    monkeypatch.chdir("/")
    run_inputs.check(
        dataclasses.replace(
            inputs,
            corpus=kept,
            questions_train=f"{tmp_path}/train.jsonl",
            questions_dev=f"{tmp_path}/dev.jsonl",
        ),
        _CONFIG,
    )


def test_files_that_the_configuration_names_are_absolute(inputs, tmp_path):
    pathlib.Path("rules.yaml").touch()
    settings = dataclasses.replace(
        _CONFIG,
        init=config.InitConfig(embedder="weights"),
        vocab=config.VocabConfig(file="vocab.txt"),
        tagging=config.TaggingConfig(dates="rules.yaml"),
    )
    settings = config.replaced(settings, {"pretrain.refresh.replay_swaps": "swaps.json"})
    found = run_inputs.absolute_config(settings)
    assert found.init == config.InitConfig(embedder=f"{tmp_path}/weights")
    assert found.vocab.file == f"{tmp_path}/vocab.txt"
    assert found.pretrain.refresh.replay_swaps == f"{tmp_path}/swaps.json"
    assert found.tagging == config.TaggingConfig("rules", f"{tmp_path}/rules.yaml")
    assert run_inputs.absolute_config(_CONFIG) == _CONFIG


def test_save_tells_whether_results_may_differ(inputs):
    assert run_inputs.save("work", inputs, _CONFIG)
    assert not run_inputs.save("work", inputs, _CONFIG)
    again = dataclasses.replace(inputs, beam_args=("--direct_num_workers=2",))
    later = dataclasses.replace(_CONFIG, ict=config.IctConfig(checkpoint_every_steps=7))
    assert not run_inputs.save("work", again, later)
    assert run_inputs.save("work", inputs, dataclasses.replace(_CONFIG, seed=4))
    assert run_inputs.save("work", dataclasses.replace(inputs, corpus="docs"), _CONFIG)
    pathlib.Path("work/run.json").write_text("{")
    assert run_inputs.save("work", inputs, _CONFIG)


_GOOD = {"corpus": "a", "questions_train": "b", "questions_dev": "c"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not JSON"),
        ('{"corpus": ', "is not JSON"),
        ("[1]", "must hold a mapping"),
        ("null", "must hold a mapping"),
        (json.dumps({"corpus": "a"}), "lacks questions_train, questions_dev"),
        (json.dumps({**_GOOD, "corpus": 3}), "corpus must be of type str. Received: 3"),
        (json.dumps({**_GOOD, "beam_args": "x"}), "beam_args must be a list"),
        (json.dumps({**_GOOD, "corpse": "x"}), "corpse. Did you mean corpus?"),
        ("\xff", "is not JSON"),
    ],
)
def test_broken_inputs(inputs, text, reason):
    run_inputs.save("work", inputs, _CONFIG)
    pathlib.Path("work/run.json").write_bytes(text.encode("latin-1"))
    assert reason in _refusal("work/run.json")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "lacks seed, corpus"),
        ("seed: [1", "is not valid YAML"),
        ("- a", "must hold a mapping"),
        ("seed: 1", "lacks corpus, vocab"),
        ("seed: x", "lacks"),
    ],
)
def test_broken_configuration(inputs, text, reason):
    run_inputs.save("work", inputs, _CONFIG)
    pathlib.Path("work/config.yaml").write_text(text)
    assert reason in _refusal("work/config.yaml")


def test_configuration_cut_short_is_not_taken_for_defaults(inputs):
    run_inputs.save("work", inputs, _CONFIG)
    path = pathlib.Path("work/config.yaml")
    text = path.read_text()
    path.write_text(text[: text.index("span_tagger:")])
    assert "lacks span_tagger" in _refusal("work/config.yaml")
    path.write_text(text.replace("seed: 3", "seed: three"))
    assert "seed must be of type int" in _refusal("work/config.yaml")
    os.remove(path)
    assert "No such config file" in _refusal("work/config.yaml")


def test_configuration_of_before_the_dual_encoder(inputs):
    run_inputs.save("work", inputs, _CONFIG)
    path = pathlib.Path("work/config.yaml")
    values = yaml.safe_load(path.read_text())
    del values["dual_encoder"], values["open_qa"]["supervision"], values["evaluation"]["arms"]
    path.write_text(yaml.safe_dump(values))
    assert run_inputs.load("work")[1] == _CONFIG


def test_settings_of_the_evaluation_decide_no_data(inputs):
    changed = run_inputs.evaluated_with(_CONFIG, ["evaluation.arms=[bm25]"])
    assert changed.evaluation.arms == ("bm25",)
    assert run_inputs.digest(inputs, changed) == run_inputs.digest(inputs, _CONFIG)
    held_out = config.override(_CONFIG, ["evaluation.held_out_fraction=0.45"])
    assert run_inputs.digest(inputs, held_out) != run_inputs.digest(inputs, _CONFIG)
    for other in ("evaluation.held_out_fraction=0.4", "evaluation={}", "open_qa.steps=3"):
        with pytest.raises(types.UserError, match="Only settings of evaluation and retrieval"):
            run_inputs.evaluated_with(_CONFIG, [other])


def _refusal(file: str) -> str:
    with pytest.raises(types.UserError) as refused:
        run_inputs.load("work")
    line = str(refused.value)
    assert line.startswith(f"{file} is broken: ")
    assert "Give realm run with all its options again" in line
    assert "\n" not in line
    return line
