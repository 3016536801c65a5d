# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of configurations in configs/: the paper's fine-tuning, and one with more of it."""

import dataclasses
import pathlib

import pytest

from realm_tf import config

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"


def _with(*names: str) -> config.Config:
    return config.load([str(CONFIGS / f"{name}.yaml") for name in names])


def test_paper_is_the_default_but_for_how_answers_are_found():
    default = config.Config()
    paper = dataclasses.replace(default.open_qa, answer_rule="original")
    assert _with("open_qa_paper") == dataclasses.replace(default, open_qa=paper)


def test_plus_has_more_of_everything():
    paper, plus = _with("open_qa_paper"), _with("open_qa_plus")
    for name in ("steps", "batch_size", "num_read"):
        assert getattr(plus.open_qa, name) > getattr(paper.open_qa, name)
    assert plus.evaluation.num_read > plus.open_qa.num_read
    assert plus.open_qa.supervision.passages == "retriever"


@pytest.mark.parametrize("part", ["open_qa_paper", "open_qa_plus"])
@pytest.mark.parametrize("base", ["quickstart", "squad_small", "squad_plus"])
def test_they_change_a_configuration_only_where_answers_are_learnt(base, part):
    before, after = _with(base), _with(base, part)
    for section in ("blocks", "model", "ict", "pretrain", "vocab", "tagging", "runtime"):
        assert getattr(after, section) == getattr(before, section)
    assert after.open_qa.query_length == before.open_qa.query_length
    assert after.open_qa.batch_size == _with(part).open_qa.batch_size


def test_paper_takes_back_what_a_configuration_changed(tmp_path):
    changed = tmp_path / "changed.yaml"
    changed.write_text(
        "open_qa: {supervision: {passages: both, bm25_blocks: 9, read: both}}\n"
        "dual_encoder: {steps: 5}\n"
        "retrieval: {fusion: {serve: true}}\n"
        "evaluation: {num_read: 7}\n"
    )
    paper = str(CONFIGS / "open_qa_paper.yaml")
    assert config.load([str(changed), paper]) == _with("open_qa_paper")
