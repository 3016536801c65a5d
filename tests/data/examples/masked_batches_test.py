# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of masked spans: their candidates, and that none gives the answer away."""

import dataclasses
import hashlib

import numpy as np
import pytest

from realm_tf import config, types
from realm_tf.data.examples import masked_batches, masking
from tests.data import example_passages

TOKENIZER = example_passages.tokenizer()
CFG = config.PretrainConfig(batch_size=6, query_length=14, num_candidates=4, max_masks=5)
BLOCK_LENGTH, JOINT_LENGTH = 40, 54


@pytest.fixture(scope="module")
def passages(tmp_path_factory):
    made = example_passages.passages(seed=4, num_docs=20, per_block=3)
    return example_passages.table(tmp_path_factory.mktemp("passages"), made)


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory):
    """The same documents, cut elsewhere: no block equals a passage, many overlap one."""
    made = example_passages.passages(seed=4, num_docs=20, per_block=2)
    return example_passages.table(tmp_path_factory.mktemp("knowledge"), made)


def _batches(passages, knowledge, **kwargs):
    spans, _ = masking.eligible_spans(passages, query_length=14, max_masks=5)
    kwargs = {"block_length": BLOCK_LENGTH, "seed": 0, "spans": spans, **kwargs}
    return masked_batches.MaskedBatches(passages, knowledge, TOKENIZER, CFG, **kwargs)


class Search:
    """Retrieves a random order of rows that the query decides, its relatives ahead."""

    def __init__(self, table, *, ahead=None, columns=None):
        self._table, self._ahead, self._columns = table, ahead or {}, columns
        self.asked = []

    def __call__(self, query, k):
        self.asked.append(k)
        rows = np.stack([self._order(ids)[:k] for ids in query.word_ids])[:, : self._columns]
        return types.RetrievedBlocks(rows, np.zeros(rows.shape, np.float32))

    def _order(self, word_ids):
        name = word_ids.tobytes()
        seed = int.from_bytes(hashlib.sha256(name).digest()[:8], "little")
        order = np.random.default_rng(seed).permutation(len(self._table))
        ahead = self._ahead.get(name, [])
        return np.array(ahead + [row for row in order.tolist() if row not in ahead])


def _relatives(table, block):
    """Rows whose text overlaps the block's, by strings and a loop."""
    start, limit = block.doc_byte_start, block.doc_byte_start + len(block.text.encode())
    found = []
    for row in range(len(table)):
        other = table.block(row)
        other_limit = other.doc_byte_start + len(other.text.encode())
        if other.doc_id == block.doc_id and other.doc_byte_start < limit and other_limit > start:
            found.append(row)
    return found


def _queries(passages, batches):
    """Passage row of every packed query, found through the null mode's batches."""
    spans, _ = masking.eligible_spans(passages, query_length=14, max_masks=5)
    rows = {}
    for span in spans.tolist():
        batch = _batches(passages, passages, spans=np.array([span])).make_batch(0, mode="null")
        rows.setdefault(batch.query.word_ids[0].tobytes(), set()).add(passages.row_of_span(span))
    return {name: row for name, rows in rows.items() if len(rows) == 1 for row in rows}


def _flat(value):
    return [value] if isinstance(value, np.ndarray) else list(value)


def _same(left, right):
    return all(
        np.array_equal(a, b)
        for one, other in zip(left, right, strict=True)
        for a, b in zip(_flat(one), _flat(other), strict=True)
    )


def test_shapes_and_dtypes(passages, knowledge):
    batch = _batches(passages, knowledge).make_batch(0, Search(knowledge), snapshot_step=70)
    shapes = {
        name: (array.shape, array.dtype)
        for name, part in batch._asdict().items()
        for array in _flat(part)
    }
    int32, int64 = np.dtype(np.int32), np.dtype(np.int64)
    assert shapes == {
        "query": ((6, 14), int32),
        "blocks": ((6, 4, BLOCK_LENGTH), int32),
        "joint": ((6, 4, JOINT_LENGTH), int32),
        "candidate_mask": ((6, 4), int32),
        "candidate_rows": ((6, 4), int64),
        "mask_positions": ((6, 5), int32),
        "mask_targets": ((6, 5), int32),
        "mask_weights": ((6, 5), np.dtype(np.float32)),
        "snapshot_step": ((6,), int64),
        "step": ((6,), int64),
    }
    assert batch.snapshot_step.tolist() == [70] * 6
    assert batch.step.tolist() == [0] * 6


def test_template_leaves_the_title_to_nobody(passages, knowledge):
    whole = _batches(passages, knowledge).make_batch(0, Search(knowledge))
    body = _batches(passages, knowledge, template="body").make_batch(0, Search(knowledge))
    assert not body.blocks.type_ids.any()
    assert whole.blocks.type_ids.any()
    assert body.blocks.word_ids[0, 0, :3].tolist() == [
        *(TOKENIZER.cls_id, TOKENIZER.sep_id, TOKENIZER.pad_id)  # the null block
    ]
    np.testing.assert_array_equal(body.joint.word_ids, whole.joint.word_ids)


def _rows_with(table, ids):
    wanted = f" {' '.join(map(str, ids))} "
    texts = [f" {' '.join(map(str, table.token_ids(row).tolist()))} " for row in range(len(table))]
    return [row for row, text in enumerate(texts) if wanted in text]


@pytest.mark.parametrize("same_corpus", [True, False])
def test_candidates_match_the_oracle(passages, knowledge, same_corpus):
    table = passages if same_corpus else knowledge
    row_of_query = _queries(passages, table)
    relatives = {name: _relatives(table, passages.block(row)) for name, row in row_of_query.items()}
    search = Search(table, ahead=relatives)
    batches = _batches(passages, table)
    examples = removed = 0
    for index in range(12):
        batch = batches.make_batch(index, search)
        found = search(batch.query, 3 + 8).rows
        for i, (query, rows, retrieved) in enumerate(
            zip(
                *(batch.query.word_ids, batch.candidate_rows.tolist(), found.tolist()),
                strict=True,
            )
        ):
            own = relatives.get(query.tobytes())
            if own is None:
                continue  # the same masked sentence in two passages
            examples += 1
            removed += len(own)
            if not same_corpus:  # nor what holds the sentence, whatever its document
                own = {*own, *_rows_with(table, _unmasked(batch, i))}
            assert rows == [-1, *[row for row in retrieved if row not in own][:3]]
        assert batch.candidate_mask.all()
    assert examples > 30
    assert removed >= examples  # the search put every relative ahead
    assert set(search.asked) == {11}


def test_the_same_sentence_in_another_corpus_is_no_candidate(passages, tmp_path):
    """Under another document's id, as where the knowledge corpus numbers its pages otherwise."""
    copies = [
        types.Passage(dataclasses.replace(p.block, doc_id=f"page{i}", doc_byte_start=10**6), ())
        for i, p in enumerate(map(passages.passage, range(len(passages))))
    ]
    knowledge = example_passages.table(tmp_path, copies)
    search = Search(knowledge)
    batches = _batches(passages, knowledge)
    held = 0
    for index in range(8):
        batch = batches.make_batch(index, search)
        found = search(batch.query, 11).rows
        for i in range(CFG.batch_size):
            holding = set(_rows_with(knowledge, _unmasked(batch, i)))
            held += len(holding & set(found[i].tolist()))
            assert not holding & set(batch.candidate_rows[i].tolist())
    assert held > 10


def test_candidates_are_packed_as_their_rows_say(passages, knowledge):
    batch = _batches(passages, knowledge).make_batch(3, Search(knowledge))
    cls_id, sep_id = TOKENIZER.cls_id, TOKENIZER.sep_id
    for i, rows in enumerate(batch.candidate_rows.tolist()):
        query = batch.query.word_ids[i][batch.query.mask[i] == 1].tolist()
        for k, row in enumerate(rows):
            title = knowledge.title_ids(row).tolist() if row >= 0 else []
            body = knowledge.token_ids(row).tolist() if row >= 0 else []
            for name, head, length in (
                ("blocks", [cls_id, *title, sep_id], BLOCK_LENGTH),
                ("joint", query, JOINT_LENGTH),
            ):
                expected = [*head, *body[: length - len(head) - 1], sep_id]
                inputs = [array[i, k] for array in getattr(batch, name)]
                assert inputs[0][inputs[1] == 1].tolist() == expected
                assert inputs[2].sum() == len(expected) - len(head)


def test_masks_stand_at_the_same_places_in_query_and_joint(passages, knowledge):
    batch = _batches(passages, knowledge).make_batch(5, Search(knowledge))
    for i in range(CFG.batch_size):
        count = int(batch.mask_weights[i].sum())
        positions = batch.mask_positions[i, :count]
        assert batch.mask_weights[i].tolist() == [1] * count + [0] * (5 - count)
        masked = np.flatnonzero(batch.query.word_ids[i] == TOKENIZER.mask_id)
        assert masked.tolist() == positions.tolist()
        assert (batch.joint.word_ids[i][:, positions] == TOKENIZER.mask_id).all()
        assert (batch.mask_targets[i, :count] != TOKENIZER.mask_id).all()


def _unmasked(batch, i):
    """The packed query with its targets put back, without [CLS] and [SEP]."""
    query = batch.query.word_ids[i].copy()
    weights = batch.mask_weights[i] == 1
    query[batch.mask_positions[i][weights]] = batch.mask_targets[i][weights]
    return query[1 : batch.query.mask[i].sum() - 1].tolist()


def test_own_mode_reads_the_unmasked_passage(passages, knowledge):
    batch = _batches(passages, knowledge).make_batch(2, mode="own")
    assert batch.blocks.word_ids.shape == (6, 1, BLOCK_LENGTH)
    assert batch.candidate_mask.tolist() == [[1]] * 6
    for i, (row,) in enumerate(batch.candidate_rows.tolist()):
        body = batch.joint.word_ids[i, 0][batch.joint.type_ids[i, 0] == 1][:-1].tolist()
        assert body == passages.token_ids(row)[: len(body)].tolist()
        query = _unmasked(batch, i)
        ids = passages.token_ids(row).tolist()
        assert any(ids[at : at + len(query)] == query for at in range(len(ids)))


def test_other_mode_reads_the_passage_of_another_example(passages, knowledge):
    batches = _batches(passages, knowledge)
    own, other = (batches.make_batch(2, mode=mode) for mode in ("own", "other"))
    rows = own.candidate_rows[:, 0].tolist()
    assert other.candidate_rows[:, 0].tolist() == [rows[-1], *rows[:-1]]
    for i in range(len(rows)):
        body = own.joint.word_ids[i - 1, 0][own.joint.type_ids[i - 1, 0] == 1]
        joint = other.joint.word_ids[i, 0][other.joint.type_ids[i, 0] == 1]
        assert joint.tolist() == body.tolist()


def test_null_mode_reads_the_null_block_alone(passages, knowledge):
    batches = _batches(passages, knowledge, batch_size=3)
    batch = batches.make_batch(2, mode="null")
    assert batch.candidate_rows.tolist() == [[-1]] * 3
    assert batch.candidate_mask.tolist() == [[1]] * 3
    assert (batch.blocks.mask.sum(-1) == 3).all()
    assert (batch.joint.mask.sum(-1)[:, 0] == batch.query.mask.sum(-1) + 1).all()


def test_missing_candidates_are_masked_and_padded(passages, knowledge):
    def search(query, k):
        rows = np.full((6, 2), -1)
        rows[0] = [4, 5]  # of two documents
        return types.RetrievedBlocks(rows, np.where(rows < 0, -np.inf, 0))

    batches = _batches(passages, knowledge)
    batch = batches.make_batch(0, search)
    own = [row for row in (4, 5) if row not in batch.candidate_rows[0]]
    kept = 2 - len(own)
    assert batch.candidate_mask.tolist() == [[1] * (1 + kept) + [0] * (3 - kept)] + 5 * [
        [1, 0, 0, 0]
    ]
    padded = batch.candidate_mask == 0
    assert (batch.candidate_rows[padded] == -1).all()
    assert (batch.blocks.mask[padded].sum(-1) == 3).all()  # no row of padding alone


def test_any_batch_can_be_made_alone(passages, knowledge):
    used = _batches(passages, knowledge)
    for index in range(6):
        batch = used.make_batch(index, Search(knowledge))
        assert _same(batch, _batches(passages, knowledge).make_batch(index, Search(knowledge)))
    zero = used.make_batch(0, Search(knowledge))
    assert not _same(zero, used.make_batch(1, Search(knowledge)))
    other = _batches(passages, knowledge, seed=1)
    assert not _same(zero, other.make_batch(0, Search(knowledge)))


def test_the_mode_does_not_change_the_examples(passages, knowledge):
    batches = _batches(passages, knowledge)
    queries = [
        batches.make_batch(1, Search(knowledge), mode=mode).query.word_ids
        for mode in ("retrieved", "null", "own", "other")
    ]
    assert all(np.array_equal(queries[0], other) for other in queries[1:])


def test_retrieved_mode_needs_a_search(passages, knowledge):
    with pytest.raises(ValueError, match="needs `retrieve`"):
        _batches(passages, knowledge).make_batch(0)


def test_no_span_is_an_error(passages, knowledge):
    with pytest.raises(types.UserError, match="pretrain stage has no examples"):
        _batches(passages, knowledge, spans=np.zeros(0, np.int64))


def test_a_part_is_found_as_a_loop_finds_it():
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(500):
        # Values whose bytes repeat, so that a match may begin inside a value.
        values = rng.choice([1, 256, 257, 65536], rng.integers(0, 9)).astype(np.uint32)
        part = rng.choice([1, 256, 257, 65536], rng.integers(0, 4)).astype(np.int32)
        there = any(
            values[at : at + len(part)].tolist() == part.tolist() for at in range(len(values) + 1)
        )
        assert masked_batches.contains(values, part) == there
        outcomes.add(there)
    assert outcomes == {True, False}
    assert not masked_batches.contains(np.array([256, 0], np.uint16), np.array([1]))
