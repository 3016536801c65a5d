# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The job that finds which blocks hold which answers: shards, rules, and that it goes on."""

import json

import numpy as np
import pytest

from beam_jobs import find_answers
from beam_jobs.engine import job_folder
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows, answer_search
from realm_tf.data.questions import questions as questions_lib
from tests.beam_jobs import documents, jobs, kills


@pytest.fixture(scope="module")
def blocks(tmp_path_factory) -> artifacts.Segment:
    return jobs.cut_documents(tmp_path_factory.mktemp("blocks"))


@pytest.fixture
def asked(tmp_path, blocks) -> str:
    """A file of questions whose answers stand in blocks, in part of a word, or nowhere."""
    table = block_table.BlockTable.open(blocks)
    words = [table.text(row).split()[0].strip(".,") for row in range(0, len(table), 5)]
    answers = [[word, word[:-1]] for word in words] + [["nowhere at all"]]
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps({"question": "?", "answers": a}) + "\n" for a in answers))
    return str(path)


def _find(blocks, asked, root, *overrides, **running) -> artifacts.Segment:
    config = config_lib.load(None, list(overrides))
    params = find_answers.Params(blocks.path, asked, str(root), config)
    return find_answers.find_answers(params, **running)


@pytest.mark.parametrize("rule", ["normalised", "original"])
def test_shards_hold_what_the_whole_table_gives(blocks, asked, tmp_path, rule):
    made = _find(blocks, asked, tmp_path, f"open_qa.answer_rule={rule}")
    table = block_table.BlockTable.open(blocks)
    questions = questions_lib.read(asked)
    search = answer_search.AnswerSearch(questions, rule)
    answers, rows = answer_rows.find(table, search)
    whole = answer_rows.AnswerRows(search, answers, rows.astype(np.int64))
    every = np.tile(np.arange(len(table)), (len(questions), 1))
    opened = answer_rows.AnswerRows.open(made, blocks, questions)
    np.testing.assert_array_equal(
        opened.has_answer(questions, every), whole.has_answer(questions, every)
    )
    assert made.counts == {"blocks": len(table), "found": len(answers)}
    assert made.settings == {"rule": rule}
    assert len(made.files()) == 3


def test_rules_differ(blocks, asked, tmp_path):
    found = [
        _find(blocks, asked, tmp_path, f"open_qa.answer_rule={rule}").counts["found"]
        for rule in ("normalised", "original")
    ]
    assert found[0] < found[1]


def test_other_blocks_are_refused(blocks, asked, tmp_path):
    made = _find(blocks, asked, tmp_path)
    other = jobs.build_blocks(
        documents.write(tmp_path / "b.jsonl", documents.records(7)),
        vocab=documents.write_vocab(tmp_path),
        output_root=str(tmp_path),
        length=48,
    )
    with pytest.raises(types.UserError, match="do not belong together: their blocks differs"):
        answer_rows.AnswerRows.open(made, other, questions_lib.read(asked))


def test_a_killed_job_goes_on(blocks, asked, tmp_path, monkeypatch):
    done = kills.run_and_kill(
        monkeypatch, find_answers.FindFn, lambda: _find(blocks, asked, tmp_path), after=2
    )
    made = _find(blocks, asked, tmp_path)
    assert sorted(done) == [0, 1, 2]
    assert not artifacts.paths_in(job_folder.path_of(made.path) + "/" + find_answers.STEP)
    assert _find(blocks, asked, tmp_path) == made  # at once
    assert len(done) == 3
