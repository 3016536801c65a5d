# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Examples on disk: wordpieces and texts say the same, and depend on their block alone."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.data.examples import example_records, masking
from tests.data import example_passages

TOKENIZER = example_passages.tokenizer()
QUERY_LENGTH, MAX_MASKS, BLOCK_LENGTH = 14, 5, 40


@pytest.fixture(scope="module")
def passages():
    return example_passages.passages(seed=5, num_docs=30)


@pytest.fixture(scope="module")
def table(passages, tmp_path_factory):
    return example_passages.table(tmp_path_factory.mktemp("table"), passages)


def make(table, task, **options):
    given = {"query_length": QUERY_LENGTH, "max_masks": MAX_MASKS, "block_length": BLOCK_LENGTH}
    counts = collections.Counter()
    made = example_records.Options(task, **{**given, **options})
    return list(example_records.make_records(table, TOKENIZER, made, counts)), counts


def parse(serialized):
    """Features by name: arrays, or lists of texts."""
    found = {}
    for name, feature in tf.train.Example.FromString(serialized).features.feature.items():
        values = getattr(feature, feature.WhichOneof("kind") or "int64_list").value
        texts = feature.WhichOneof("kind") == "bytes_list"
        found[name] = [v.decode() for v in values] if texts else np.array(values)
    return found


def _ids(text):
    (encoded,) = TOKENIZER.encode([text])
    return encoded.ids.tolist()


def _slice(record, kind, number=0):
    places = slice(*(int(record[f"{kind}_byte_{end}"][number]) for end in ("start", "limit")))
    return record["text"][0].encode()[places].decode()


def _query(record):
    ids = record["query_word_ids"][record["query_mask"] == 1].tolist()
    assert (ids[0], ids[-1]) == (TOKENIZER.cls_id, TOKENIZER.sep_id)
    return ids


@pytest.mark.parametrize("per_block", [1, 3])
def test_masked_examples(table, per_block):
    made, counts = make(table, "masked", per_block=per_block)
    of_block = collections.defaultdict(set)
    for record in map(parse, made):
        masked = int(record["masked_span"][0])
        row = table.block_ids.tolist().index(int(record["block_id"][0]) % 2**64)
        assert record["doc_id"] == [table.doc_id(row)]
        of_block[row].add(masked)
        query, count = _query(record), int(record["mask_weights"].sum())
        positions = record["mask_positions"][:count].tolist()
        targets = record["mask_targets"][:count].tolist()
        assert record["mask_weights"].tolist() == [1] * count + [0] * (MAX_MASKS - count)
        assert record["query_word_ids"].shape == (QUERY_LENGTH,)
        assert [i for i, q in enumerate(query) if q == TOKENIZER.mask_id] == positions
        span = [int(getattr(table, f"span_token_{end}")(row)[masked]) for end in ("start", "limit")]
        assert targets == table.token_ids(row)[slice(*span)].tolist()
        assert record["span_byte_start"].tolist() == table.span_byte_start(row).tolist()
        assert record["span_byte_limit"].tolist() == table.span_byte_limit(row).tolist()
        for position, target in zip(positions, targets, strict=True):
            query[position] = target
        sentences = [
            _ids(_slice(record, "sentence", i)) for i in range(len(record["sentence_byte_start"]))
        ]
        assert query[1:-1] in [ids[: QUERY_LENGTH - 2] for ids in sentences]
    eligible, skipped = masking.eligible_spans(
        table, query_length=QUERY_LENGTH, max_masks=MAX_MASKS
    )
    rows = collections.Counter(table.row_of_span(span) for span in eligible.tolist())
    assert {row: len(chosen) for row, chosen in of_block.items()} == {
        row: min(per_block, number) for row, number in rows.items()
    }
    assert counts["examples"] == len(made) == sum(map(len, of_block.values()))
    assert counts["blocks"] == len(table)
    assert counts["skipped_without_span"] == len(table) - len(rows) > 0
    assert counts["skipped_too_long"] == skipped["too_long"] > 0


@pytest.mark.parametrize("keep_probability", [0.0, 0.5, 1.0])
def test_ict_examples(table, keep_probability):
    made, counts = make(table, "ict", keep_probability=keep_probability, per_block=2)
    removed = set()
    for record in map(parse, made):
        sentence = _slice(record, "query")
        assert _query(record)[1:-1] == _ids(sentence)[: QUERY_LENGTH - 2]
        is_removed = int(record["query_removed"][0])
        removed.add(is_removed)
        block = record["block_word_ids"][record["block_mask"] == 1].tolist()
        data = record["text"][0].encode()
        start, limit = int(record["query_byte_start"][0]), int(record["query_byte_limit"][0])
        rest = (data[:start] + data[limit:]).decode() if is_removed else record["text"][0]
        whole = [TOKENIZER.cls_id, *_ids(record["title"][0]), TOKENIZER.sep_id, *_ids(rest)]
        assert block == [*whole[: BLOCK_LENGTH - 1], TOKENIZER.sep_id]
        body = len(block) - len(_ids(record["title"][0])) - 2
        assert record["block_type_ids"].sum() == body
    assert removed == {0.0: {1}, 0.5: {0, 1}, 1.0: {0}}[keep_probability]
    single = sum(len(table.sentence_byte_start(row)) == 1 for row in range(len(table)))
    assert counts["skipped_one_sentence"] == single > 0
    assert len(made) == 2 * (len(table) - single)


def test_annotated_passages_keep_every_span(table):
    made, counts = make(table, "annotated")
    assert len(made) == len(table)
    for row, record in enumerate(map(parse, made)):
        assert record["title"] == [table.title(row)]
        assert record["text"] == [table.text(row)]
        for name in ("sentence_byte_start", "sentence_byte_limit", "span_byte_start"):
            assert record[name].tolist() == getattr(table, name)(row).tolist()
        assert record["span_label"] == table.span_label(row) if table.num_spans(row) else True
    assert counts["spans"] == table.total_spans


@pytest.mark.parametrize("task", ["masked", "ict"])
def test_an_example_depends_on_its_block_and_the_seed(table, passages, task, tmp_path):
    made, _ = make(table, task)
    again, _ = make(table, task)
    other, _ = make(table, task, seed=1)
    few, _ = make(example_passages.table(tmp_path, passages[10:20]), task)
    assert again == made
    assert other != made
    assert 0 < len(few) < len(made)
    assert set(few) <= set(made)


def test_examples_are_shown_with_what_is_asked_for(table):
    shown = {task: make(table, task)[0][0] for task in example_records.TASKS}
    masked = example_records.describe(shown["masked"])
    record = parse(shown["masked"])
    number = int(record["masked_span"][0])
    assert f"[[{_slice(record, 'span', number)}]]" in masked
    assert masked.count("[[") == 1
    assert f"masked NAME of {len(record['span_label'])} spans" in masked
    ict = example_records.describe(shown["ict"])
    assert f"[[{_slice(parse(shown['ict']), 'query')}]]" in ict
    assert "sentence removed" in ict or "sentence kept" in ict
    assert "spans\n" in example_records.describe(shown["annotated"])


def test_options_decide_by_task():
    assert example_records.Options("annotated", seed=3).decisive() == {"task": "annotated"}
    masked = example_records.Options("masked", keep_probability=0.5).decisive()
    assert masked == example_records.Options("masked").decisive()
    assert masked != example_records.Options("masked", max_masks=3).decisive()
    with pytest.raises(types.UserError, match=r"must be one of masked, ict, annotated.*'mlm'"):
        example_records.Options("mlm")
    with pytest.raises(types.UserError, match=r"per_block must be at least 1\. Received: 0"):
        example_records.Options("ict", per_block=0)
