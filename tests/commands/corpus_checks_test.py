# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings against corpus, questions and devices: what cannot work is refused before training."""

import dataclasses
import json

import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.commands import corpus_checks, run_inputs
from realm_tf.data.questions import questions as open_qa
from tests.data import example_passages
from tests.training import runs


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return runs.make_context(tmp_path_factory.mktemp("run"))


def _with(context, *overrides):
    return dataclasses.replace(context, config=runs.make_config(*overrides))


def _words(context, count: int) -> str:
    """A text of so many wordpieces at least, from the corpus."""
    return " ".join(context.knowledge.text(row) for row in range(count))


def _question(text: str, *answers: str, is_regex: bool = False) -> open_qa.Question:
    return open_qa.Question("1", text, answers, (), is_regex)


@pytest.mark.parametrize(
    ("setting", "count", "message"),
    [
        ("open_qa.num_read=6", 5, r"open_qa\.num_read asks for 6 blocks, but the corpus has 5\."),
        ("pretrain.num_candidates=9", 7,
         r"pretrain\.num_candidates asks for 8 blocks, but the corpus has 7\."),
        ("ict.steps=0", 1, r"open_qa\.num_read asks for 2 blocks, but the corpus has 1\."),
    ],
)  # fmt: skip
def test_more_blocks_than_there_are(setting, count, message):
    cfg = runs.make_config(setting)
    with pytest.raises(types.UserError, match=message):
        corpus_checks.check_blocks(cfg, count)
    corpus_checks.check_blocks(cfg, count + 1)


def test_deep_recall_and_large_batches_are_warned_of(caplog):
    cfg = runs.make_config("evaluation.recall_at=[1, 30]", "ict.batch_size=40")
    corpus_checks.check_blocks(cfg, 40)
    assert not caplog.messages
    corpus_checks.check_blocks(cfg, 29)
    deep, large = caplog.messages
    assert deep.startswith("evaluation.recall_at goes to 30, but the corpus has 29 blocks")
    assert large.startswith("ict.batch_size is 40, but the corpus has 29 blocks")


@pytest.mark.parametrize(
    ("fraction", "part"),
    [
        (1e-6, "held-out documents"),
        (0.999999, "documents to train on"),
        (1e-5, "held-out documents"),
    ],
)
def test_both_sides_need_spans(context, fraction, part):
    changed = _with(context, f"evaluation.held_out_fraction={fraction}")
    with pytest.raises(
        types.UserError, match=rf"^None of the \d+ salient spans is in the {part}\. "
    ) as e:
        corpus_checks.check_sentences(changed)
    assert f"evaluation.held_out_fraction ({fraction})" in str(e.value)
    assert "\n" not in str(e.value)


def test_corpus_without_any_span_is_told_of_its_tagger(context, tmp_path):
    drawn = example_passages.passages(seed=4, num_docs=24)
    plain = [dataclasses.replace(passage, spans=()) for passage in drawn]
    blocks, spans = example_passages.segments(tmp_path, plain)
    with pytest.raises(types.UserError, match=r"^No salient span .*set tagging\.tagger") as e:
        corpus_checks.check_sentences(dataclasses.replace(context, blocks=blocks, spans=spans))
    assert "query_length" not in str(e.value)


def test_what_masks_nothing_needs_no_spans(context, tmp_path):
    drawn = example_passages.passages(seed=4, num_docs=24)
    plain = [dataclasses.replace(passage, spans=()) for passage in drawn]
    blocks, spans = example_passages.segments(tmp_path, plain)
    answers_alone = _with(context, "ict.steps=0", "pretrain.steps=0")
    corpus_checks.check_sentences(dataclasses.replace(answers_alone, blocks=blocks, spans=spans))


def test_lengths_that_cut_most_sentences(context, caplog):
    corpus_checks.check_sentences(
        _with(context, "pretrain.query_length=24", "pretrain.max_masks=20", "ict.query_length=40")
    )
    assert not caplog.messages
    message = r"^ict\.query_length \(3\) is too small: \d+% of a sentence of the mean length is cut"
    with pytest.raises(types.UserError, match=message):
        corpus_checks.check_sentences(_with(context, "ict.query_length=3"))
    corpus_checks.check_sentences(_with(context, "ict.query_length=3", "ict.steps=0"))
    message = (
        r"^pretrain \(query_length 4, max_masks 5\) is too small: .* \d+ truncated\)\. Raise it"
    )
    with pytest.raises(types.UserError, match=message):
        corpus_checks.check_sentences(_with(context, "pretrain.query_length=4"))


def test_questions_that_lose_their_end(context, caplog):
    asked = [_question(_words(context, 6), "a")] * 3 + [_question("a", "a")] * 7
    corpus_checks.check_questions(context, asked)
    assert caplog.messages == [
        "open_qa.query_length (12) is too small: 30% of the questions lose their end."
    ]
    with pytest.raises(
        types.UserError, match=r"^open_qa\.query_length \(12\) is too small: 60% of the"
    ):
        corpus_checks.check_questions(context, asked[:5])


def test_blocks_that_are_not_read(context):
    changed = _with(context, "open_qa.query_length=12", "open_qa.reader_length=14")
    with pytest.raises(
        types.UserError, match=r"^open_qa\.reader_length \(14\) is too small: \d+% of the"
    ):
        corpus_checks.check_questions(changed, [_question(_words(context, 6)[:30], "a")])
    corpus_checks.check_questions(context, [_question("a", "a")])


def test_answers_that_are_wider_than_a_span(context):
    wide = _question("a", _words(context, 6))
    either = _question("a", _words(context, 6), "a")
    with pytest.raises(
        types.UserError, match=r"^model\.reader\.max_span_width \(4\) is too small: 100%"
    ):
        corpus_checks.check_questions(context, [wide])
    corpus_checks.check_questions(context, [either, _question("a", "a+" * 40, is_regex=True)])


def test_settings_of_an_older_run_are_refused_by_their_file(tmp_path):
    inputs = {"corpus": "a", "questions_train": "b", "questions_dev": "c"}
    (tmp_path / "run.json").write_text(json.dumps(inputs))
    good = config_lib.dump(config_lib.Config())
    bad = good.replace("keep_snapshots: 3", "keep_snapshots: 0")
    assert bad != good
    (tmp_path / "config.yaml").write_text(bad)
    message = r"config\.yaml is broken: pretrain\.refresh\.keep_snapshots must be at least 1\."
    with pytest.raises(types.UserError, match=message):
        run_inputs.load(str(tmp_path))
