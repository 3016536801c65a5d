# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The job that ranks blocks by BM25: what it finds, that it goes on, and what it refuses."""

import json

import numpy as np
import pytest

from beam_jobs import rank_words
from beam_jobs.engine import job_folder
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks
from realm_tf.retrieval import bm25
from tests.beam_jobs import documents, jobs, kills

DEPTH = 4


@pytest.fixture(scope="module")
def blocks(tmp_path_factory) -> artifacts.Segment:
    return jobs.cut_documents(tmp_path_factory.mktemp("blocks"))


@pytest.fixture
def asked(tmp_path, blocks) -> str:
    """A file of questions that repeat the words of blocks, and one of which no block has a word."""
    table = block_table.BlockTable.open(blocks)
    texts = [" ".join(table.text(row).split()[1:6]) for row in range(0, len(table), 4)]
    path = tmp_path / "questions.jsonl"
    records = [{"question": text, "answers": ["x"]} for text in ["Qwxyz?", *texts]]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def _rank(blocks, asked, root, *overrides, **running) -> artifacts.Segment:
    config = config_lib.load(None, list(overrides))
    params = rank_words.Params(blocks.path, asked, str(root), DEPTH, config)
    return rank_words.rank_words(params, **running)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(rank_words, "_SHARD", 3)
    monkeypatch.setattr(rank_words, "_AT_A_TIME", 2)


@pytest.mark.parametrize("template", ["title_body", "body"])
def test_shards_hold_what_bm25_finds(blocks, asked, tmp_path, template):
    overrides = (f"blocks.template={template}", "retrieval.fusion.k1=1.2")
    made = _rank(blocks, asked, tmp_path, *overrides)
    table, config = block_table.BlockTable.open(blocks), config_lib.load(None, overrides)
    questions = questions_lib.read(asked)
    expected = bm25.of_table(table, config.retrieval.fusion, template).search(
        [question.question for question in questions], DEPTH
    )
    opened = word_ranks.WordRanks.open(made, blocks, questions)
    for question, rows in zip(questions, expected.rows, strict=True):
        assert opened.of(question).tolist() == rows[rows >= 0].tolist()
    assert not len(opened.of(questions[0]))
    found = int((expected.rows >= 0).sum())
    assert made.counts == {"questions": len(questions), "found": found}
    assert made.settings == {"depth": DEPTH, "k1": 1.2, "b": 0.4, "template": template}
    assert len(made.files()) == -(-len(questions) // 3)


def test_titles_count_where_the_embedder_reads_them(blocks, asked, tmp_path):
    made = [
        _rank(blocks, asked, tmp_path, f"blocks.template={name}") for name in ("title_body", "body")
    ]
    assert made[0].path != made[1].path
    left, right = ([np.load(path) for path in one.files()] for one in made)
    assert any(not np.array_equal(*pair) for pair in zip(left, right, strict=True))


def test_other_blocks_are_refused(blocks, asked, tmp_path):
    made = _rank(blocks, asked, tmp_path)
    other = jobs.build_blocks(
        documents.write(tmp_path / "b.jsonl", documents.records(7)),
        vocab=documents.write_vocab(tmp_path),
        output_root=str(tmp_path),
        length=48,
    )
    with pytest.raises(types.UserError, match="do not belong together: their blocks differs"):
        word_ranks.WordRanks.open(made, other, questions_lib.read(asked))


def test_a_large_corpus_is_refused(blocks, asked, tmp_path):
    with pytest.raises(types.UserError, match=r"more than retrieval\.fusion\.max_blocks \(3\)"):
        _rank(blocks, asked, tmp_path, "retrieval.fusion.max_blocks=3")


def test_a_killed_job_goes_on(blocks, asked, tmp_path, monkeypatch):
    done = kills.run_and_kill(
        monkeypatch, rank_words.RankFn, lambda: _rank(blocks, asked, tmp_path), after=2
    )
    made = _rank(blocks, asked, tmp_path)
    assert sorted(done) == list(range(len(made.files())))
    assert not artifacts.paths_in(job_folder.path_of(made.path) + "/" + rank_words.STEP)
    assert _rank(blocks, asked, tmp_path) == made  # at once
    assert len(done) == len(made.files())
