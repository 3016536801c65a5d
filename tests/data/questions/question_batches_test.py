# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of questions: what was retrieved, and where the answers stand."""

import functools
import re

import numpy as np
import pytest

from realm_tf import config, types
from realm_tf.data.questions import answer_rows, answer_search, question_batches, questions
from realm_tf.text import answer_matching
from tests.data import example_passages

TOKENIZER = example_passages.tokenizer()
CFG = config.OpenQaConfig(
    batch_size=3, query_length=8, reader_length=24, num_searched=9, num_read=3, max_answers=2
)
WIDTH = 2
QUESTIONS = [
    questions.Question("0", "war in the river?", ("war", "river")),
    questions.Question("1", "lake", ("Lake Ohrid", "lake", "Café")),
    questions.Question("2", "the war of the rivers of the lake in warsaw", ("warsaw", "xyzzy")),
    questions.Question("3", "of", ("in the", "rivers of", "the lake ohrid", "of lake in")),
    questions.Question("4", "1921", ("war in the warsaw", "warsaw rivers")),
    questions.Question("5", "when", (r"19\d\d", "lakes?"), is_regex=True),
    questions.Question("6", "what", ("☃",)),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    passages = example_passages.passages(seed=6, num_docs=25)
    return example_passages.table(tmp_path_factory.mktemp("questions"), passages)


@functools.cache
def _answer_rows(table):
    search = answer_search.AnswerSearch(QUESTIONS)
    answers, rows = answer_rows.find(table, search)
    return answer_rows.AnswerRows(search, answers, rows.astype(np.int64))


def _read(table, question_index, rows, cfg=CFG):
    rows = np.array(rows)
    return question_batches.read_inputs(
        table,
        TOKENIZER,
        cfg,
        QUESTIONS,
        _answer_rows(table),
        _batches().pack(np.array(question_index)),
        types.RetrievedBlocks(rows, np.zeros(rows.shape, np.float32)),
        np.zeros((*rows.shape, 2), np.float32),
        max_span_width=WIDTH,
    )


def _words(ids):
    """Wordpieces as words: ("war", "##saw") is ("warsaw",), with where each word starts."""
    words = []
    for at, i in enumerate(ids):
        piece = TOKENIZER.vocab[i]
        if piece.startswith("##"):
            words[-1] = (words[-1][0] + piece[2:], words[-1][1], at + 1)
        else:
            words.append((piece, at, at + 1))
    return words


def _answers(table, question, row):
    """Wordpiece ranges of the answers in a block, by comparing words."""
    if row < 0:
        return []
    words = _words(table.token_ids(row))
    found = set()
    texts = {"when": ["1921", "lake"], "what": []}.get(question.question, question.answers)
    for answer in texts:
        wanted = answer.lower().replace("é", "e").split()
        for i in range(len(words) - len(wanted) + 1):
            if [word for word, _, _ in words[i : i + len(wanted)]] == wanted:
                found.add((words[i][1], words[i + len(wanted) - 1][2]))
    return sorted(found)


def _holds(table, question, row):
    """Whether a block holds an answer, by its text."""
    if row < 0:
        return 0
    rule = answer_matching.regex_contains if question.is_regex else answer_matching.contains
    return int(rule(table.text(row), question.answers))


@functools.cache
def _ids(text):
    return TOKENIZER.encode([text])[0].ids.tolist()


def _joint(table, question, row):
    head = [TOKENIZER.cls_id, *_ids(question.question)[: CFG.query_length - 2], TOKENIZER.sep_id]
    body = table.token_ids(row).tolist() if row >= 0 else []
    body = body[: CFG.reader_length - len(head) - 1]
    return head, body


def test_phase_two_matches_the_oracle(table):
    rng = np.random.default_rng(0)
    cut = wide = crowded = 0
    for _ in range(20):
        index = rng.permutation(len(QUESTIONS))[:4]
        rows = rng.permuted(np.tile(np.arange(len(table)), (4, 1)), axis=1)[:, : CFG.num_searched]
        rows[1, 6:], rows[3, 1:] = -1, -1
        batch = _read(table, index, rows)
        np.testing.assert_array_equal(batch.retrieved_mask, rows >= 0)
        for b, number in enumerate(index.tolist()):
            question = QUESTIONS[number]
            found = [_answers(table, question, row) for row in rows[b].tolist()]
            held = [_holds(table, question, row) for row in rows[b].tolist()]
            assert batch.retrieved_has_answer[b].tolist() == held
            for r in range(CFG.num_read):
                head, body = _joint(table, question, rows[b, r])
                start, limit = len(head), len(head) + len(body)
                assert np.flatnonzero(batch.body_mask[b, r]).tolist() == [*range(start, limit)]
                word_ids, mask, _ = (array[b, r] for array in batch.joint)
                assert word_ids[mask == 1].tolist() == [*head, *body, TOKENIZER.sep_id]
                inside = [(s, e) for s, e in found[r] if e <= len(body)]
                narrow = [(s, e) for s, e in inside if e - s <= WIDTH]
                cut += len(found[r]) - len(inside)
                wide += len(inside) - len(narrow)
                crowded += len(narrow) > CFG.max_answers
                kept = [(start + s, start + e - 1) for s, e in narrow][: CFG.max_answers]
                padding = [0] * (CFG.max_answers - len(kept))
                assert batch.answer_mask[b, r].tolist() == [1] * len(kept) + padding
                assert batch.answer_starts[b, r].tolist() == [s for s, _ in kept] + padding
                assert batch.answer_ends[b, r].tolist() == [e for _, e in kept] + padding
    assert min(cut, wide, crowded) > 5  # the example has every case


def test_answer_positions_spell_the_answer(table):
    row = next(row for row in range(len(table)) if re.match("([a-z]+ )?warsaw", table.text(row)))
    batch = _read(table, [2], [[row]])
    word_ids = batch.joint.word_ids[0, 0]
    for start, end, mask in zip(
        batch.answer_starts[0, 0],
        batch.answer_ends[0, 0],
        batch.answer_mask[0, 0],
        strict=True,
    ):
        if mask:
            assert [TOKENIZER.vocab[i] for i in word_ids[start : end + 1]] == ["war", "##saw"]
    assert batch.answer_mask[0, 0, 0] == 1


@pytest.mark.parametrize("columns", [1, 2, 9, 30])
def test_shapes_do_not_depend_on_what_was_retrieved(table, columns):
    batch = _read(table, [0, 1], np.tile(np.arange(columns), (2, 1)))
    int32 = np.dtype(np.int32)
    arrays = batch._asdict()
    del arrays["question"], arrays["joint"], arrays["block_emb"]
    shapes = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    assert shapes == {
        "retrieved_mask": ((2, 9), int32),
        "retrieved_has_answer": ((2, 9), int32),
        "body_mask": ((2, 3, 24), int32),
        "answer_starts": ((2, 3, 2), int32),
        "answer_ends": ((2, 3, 2), int32),
        "answer_mask": ((2, 3, 2), int32),
    }
    assert {(array.shape, array.dtype) for array in batch.joint} == {((2, 3, 24), int32)}
    assert batch.retrieved_mask.sum() == 2 * min(columns, 9)


def test_searched_is_clamped_to_the_corpus(tmp_path):
    small = example_passages.table(tmp_path, example_passages.passages(seed=7, num_docs=1)[:2])
    batch = _read(small, [0], [[1, 0]])
    assert batch.retrieved_mask.tolist() == [[1, 1]]
    assert batch.body_mask.any(-1).tolist() == [[True, True, False]]


def _batches(**kwargs):
    return question_batches.QuestionBatches(QUESTIONS, TOKENIZER, CFG, **{"seed": 0, **kwargs})


def test_phase_one_packs_the_questions_it_names():
    batches = _batches()
    for index in range(5):
        batch = batches.make_batch(index)
        assert batch.question_index.dtype == np.int64
        assert batch.question.word_ids.shape == (3, 8)
        for row, number in enumerate(batch.question_index.tolist()):
            ids = _ids(QUESTIONS[number].question)[:6]
            packed = batch.question.word_ids[row][batch.question.mask[row] == 1].tolist()
            assert packed == [TOKENIZER.cls_id, *ids, TOKENIZER.sep_id]


def test_any_batch_can_be_made_alone_and_an_epoch_visits_all():
    used = _batches()
    stream = [used.make_batch(index).question_index for index in range(len(QUESTIONS))]
    for index, numbers in enumerate(stream):
        assert _batches().make_batch(index).question_index.tolist() == numbers.tolist()
    epochs = np.concatenate(stream).reshape(CFG.batch_size, len(QUESTIONS)).tolist()
    assert all(sorted(epoch) == list(range(len(QUESTIONS))) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == CFG.batch_size
    other = _batches(seed=1).make_batch(0).question_index
    assert other.tolist() != stream[0].tolist()


def test_given_questions_are_packed_in_their_order():
    batch = _batches().pack(np.array([4, 4, 0, 1]))
    assert batch.question_index.tolist() == [4, 4, 0, 1]
    assert batch.question.word_ids.shape == (4, 8)
    assert np.array_equal(batch.question.word_ids[0], batch.question.word_ids[1])


def test_no_question_is_an_error():
    with pytest.raises(types.UserError, match="open_qa stage has no examples"):
        question_batches.QuestionBatches([], TOKENIZER, CFG, seed=0)
