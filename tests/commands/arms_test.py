# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The arms: one reader reads what every retriever found, and nothing else."""

import dataclasses
import json
import logging
import math

import numpy as np
import pytest
import tensorflow as tf

from beam_jobs.engine import progress
from realm_tf import config as config_lib
from realm_tf.commands import arms, evidence, measure, retrievers
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import predictions, report
from realm_tf.training.run import system as system_lib
from serving import client
from tests.training import runs

NUM_READ = 4
ARMS = ("bm25", "dense", "bm25+fine_tuned")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    config = runs.make_config(
        "open_qa.num_read=1",
        f"evaluation.num_read={NUM_READ}",
        "evaluation.recall_at=[1, 5]",
        "retrieval.fusion.depth=6",  # as deep as is searched
        f"evaluation.arms={[*ARMS, 'fine_tuned']}",
    )
    return runs.make_context(tmp_path_factory.mktemp("run"), config)


@pytest.fixture(scope="module")
def system(context):
    return runs.random_system(context)


@pytest.fixture(scope="module")
def model(context, system):
    vocab_size = context.tokenizer.vocab_size
    made = system_lib.open_qa_model(context.config.model, vocab_size, system)
    # As after a training on questions: another query tower than the one of the snapshot.
    for variable in made.query_tower.trainable_variables:
        variable.assign(tf.random.stateless_normal(variable.shape, [1, 2]) * 0.3)
    return made


@pytest.fixture(scope="module")
def module(context, system, model):
    return runs.qa_module(context, system, model)


@pytest.fixture(scope="module")
def questions(context):
    """One about every block, answered by its last words, and one that shares no word with any."""
    table = context.knowledge
    about = [
        open_qa.Question(
            str(row),
            " ".join(table.text(row).split()[:4]),
            (" ".join(table.text(row).split()[-2:]),),
        )
        for row in range(len(table))
    ]
    return [*about, open_qa.Question("none", "Qwxyz?", ("nothing",))]


@pytest.fixture(scope="module")
def found(context, system, module, questions):
    dense = measure.search(context, system, questions)
    fine_tuned = evidence.search(context, module, questions)
    return retrievers.beside(context, questions, {"dense": dense, "fine_tuned": fine_tuned})


@pytest.fixture(scope="module")
def made(context, system, module, questions, found):
    return arms.read(context, system, module, questions, found)


def test_the_own_arm_is_what_the_system_answers(module, questions, found):
    read = arms.answer_from(module, questions, found["fine_tuned"], NUM_READ)
    expected = client.predict(module.answer, [question.question for question in questions])
    assert [[a.text for a in of] for of in read] == [[a.text for a in of] for of in expected]
    for ours, theirs in zip(read, expected, strict=True):
        assert [a.score for a in ours] == pytest.approx([a.score for a in theirs], rel=1e-5)


def test_every_arm_reads_the_first_blocks_that_its_retriever_found(context, questions, found, made):
    assert list(made) == list(ARMS)
    for arm, of_arm in made.items():
        rows, scores = found[arm].rows[:, :NUM_READ], found[arm].scores
        assert [p.question for p in of_arm] == questions
        for place, prediction in enumerate(of_arm):
            there = rows[place][rows[place] >= 0]
            ids = [int(context.knowledge.block_ids[row]) for row in there]
            assert [block.block_id for block in prediction.evidence.blocks] == ids
            for answer in prediction.ranked:
                slot = ids.index(answer.block_id)
                assert answer.retrieval_score == pytest.approx(scores[place, slot], rel=1e-5)
                total = answer.reader_score + answer.retrieval_score
                assert answer.score == pytest.approx(total, rel=1e-4, abs=1e-5)
    read = {arm: [p.evidence.blocks for p in of_arm] for arm, of_arm in made.items()}
    assert read["bm25"] != read["dense"]
    first = made["bm25"][0].ranked[0]
    assert first.retrieval_score <= math.log(1 / 61) + 1e-5


def test_it_is_told_how_far_the_reading_is(module, questions, found, monkeypatch, caplog):
    monkeypatch.setattr(progress, "LINE_EVERY_SECS", 0.01)  # much less than reading takes
    with caplog.at_level(logging.INFO):
        arms.answer_from(module, questions, found["bm25"], NUM_READ, name="reading them")
    told = f"of {len(questions)} items done"
    assert any(m.startswith("reading them: ") and told in m for m in caplog.messages)


def test_where_a_retriever_finds_nothing_nothing_is_answered(made):
    last = made["bm25"][-1]
    assert last.ranked == ()
    assert last.evidence.blocks == ()
    assert not last.correct


def test_scores_of_the_fine_tuned_retriever(context, system, module, questions, found):
    anew = arms.scored_anew(system, module, questions, found["bm25"], NUM_READ)
    np.testing.assert_array_equal(anew.rows, found["bm25"].rows[:, :NUM_READ])
    texts = tf.constant([question.question for question in questions])
    every = tf.fill([len(questions)], len(context.knowledge))
    rows, scores = (x.numpy() for x in module.search(texts, every))
    for place in range(len(questions)):
        of_row = dict(zip(rows[place].tolist(), scores[place].tolist(), strict=True))
        there = anew.rows[place] >= 0
        expected = [of_row[row] for row in anew.rows[place][there].tolist()]
        np.testing.assert_allclose(anew.scores[place][there], expected, rtol=1e-4, atol=1e-5)
        assert (anew.scores[place][~there] == -np.inf).all()


def test_the_setting_chooses_the_scores(context, system, module, questions, found):
    changes = {"arm_scores": "fine_tuned", "arms": ("bm25",)}
    evaluation = dataclasses.replace(context.config.evaluation, **changes)
    config = dataclasses.replace(context.config, evaluation=evaluation)
    other = dataclasses.replace(context, config=config)
    made = arms.read(other, system, module, questions, found)["bm25"]
    scores = arms.scored_anew(system, module, questions, found["bm25"], NUM_READ).scores
    for place, prediction in enumerate(made):
        of_blocks = [block.score for block in prediction.evidence.blocks]
        there = np.isfinite(scores[place])
        np.testing.assert_allclose(of_blocks, scores[place][there], rtol=1e-6)


def test_figures_and_files_of_the_arms(context, system, module, questions, tmp_path):
    figures = measure.measure(context, system, module, questions, str(tmp_path))
    of_arms = figures["retrievers"]
    assert {name for name, f in of_arms.items() if "exact_match" in f} == {*ARMS, "fine_tuned"}
    files = predictions.files(str(tmp_path))
    assert files.keys() == {"random", *(f"random@{arm}" for arm in ARMS)}
    for name, path in files.items():
        read = predictions.read(path)
        share = sum(p.correct for p in read) / len(questions)
        arm = predictions.parts_of_name(name)[1] or "fine_tuned"
        assert of_arms[arm]["exact_match"] == pytest.approx(share)
        assert "exact_match" in of_arms[arm]["intervals"]
        assert "fine_tuned_recall@1" not in of_arms[arm]
    assert json.dumps(figures)
    assert "exact_match" in report.render({"systems": {"random": figures}})


@pytest.fixture(scope="module")
def serving(context):
    """The opened data of the same run, where the fusion with BM25 answers."""
    config = config_lib.override(context.config, ["retrieval.fusion.serve=true"])
    return dataclasses.replace(context, config=config)


@pytest.fixture(scope="module")
def fused(serving, system, model):
    return runs.qa_module(serving, system, model)


def test_what_is_served_is_the_fused_arm(serving, fused, questions, found, made):
    ranked = evidence.search(serving, fused, questions)
    expected = found["bm25+fine_tuned"]
    np.testing.assert_array_equal(ranked.rows, expected.rows)
    np.testing.assert_allclose(ranked.scores, expected.scores, rtol=1e-6)
    answers = client.predict(fused.answer, [question.question for question in questions])
    for ours, arm in zip(answers, made["bm25+fine_tuned"], strict=True):
        assert [(a.text, a.block_id) for a in ours] == [(a.text, a.block_id) for a in arm.ranked]
        for name in ("score", "retrieval_score", "reader_score"):
            theirs = [getattr(answer, name) for answer in arm.ranked]
            assert [getattr(a, name) for a in ours] == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_figures_of_a_system_that_serves_the_fusion(
    context, system, module, serving, fused, questions, tmp_path
):
    for name in ("dense", "fused"):
        (tmp_path / name).mkdir()
    dense = measure.measure(context, system, module, questions, str(tmp_path / "dense"))
    figures = measure.measure(serving, system, fused, questions, str(tmp_path / "fused"))
    assert figures["retrievers"].keys() == dense["retrievers"].keys()
    for name in (*ARMS, "fine_tuned"):
        ours, theirs = (f["retrievers"][name] for f in (figures, dense))
        assert ours["exact_match"] == theirs["exact_match"]
        assert ours["recall@5"] == theirs["recall@5"]
    own = figures["retrievers"]["bm25+fine_tuned"]
    assert figures["exact_match"] == own["exact_match"]
    assert figures["fine_tuned_recall@5"] == own["recall@5"]
    assert dense["exact_match"] == dense["retrievers"]["fine_tuned"]["exact_match"]
    others = {f"random@{arm}" for arm in ("bm25", "dense", "fine_tuned")}
    assert predictions.files(str(tmp_path / "fused")).keys() == {"random", *others}
