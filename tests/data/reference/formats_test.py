# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Records of the original code's formats, and one clear refusal for each that is not."""

import itertools
import pathlib

import pytest

from realm_tf import types
from realm_tf.data.reference import formats as reference_formats
from tests.beam_jobs import reference_corpora

TEXT = "Louis né. In York."


def read(pattern: str, fmt: str) -> list[reference_formats.ReferenceBlock]:
    rows = itertools.chain.from_iterable(
        map(reference_formats.read, reference_formats.expand(pattern, fmt))
    )
    return [
        reference_formats.parse(fmt, where, row, serialized)
        for row, (where, serialized) in enumerate(rows)
    ]


def refusal(fmt: str, *serialized: bytes) -> str:
    with pytest.raises(types.UserError) as error:
        reference_formats.parse(fmt, "docs.tfr: record 7", 7, serialized)
    assert str(error.value).startswith("docs.tfr: record 7: ")
    return str(error.value)


def passage(**changes) -> bytes:
    return reference_corpora.passage("T", TEXT, ["Louis", "York"], **changes)


def test_key_tells_title_from_text():
    assert reference_formats.ids_key([1], [2]) == reference_formats.ids_key((1,), (2,))
    assert reference_formats.ids_key([1], [2]) != reference_formats.ids_key([1, 2], [])


def test_realm_blocks_are_numbered_through_their_files(tmp_path):
    records = read(reference_corpora.write_realm_blocks(tmp_path), "realm-blocks")
    assert [(r.title, r.text) for r in records] == list(reference_corpora.BLOCKS)
    assert [r.row for r in records] == list(range(6))
    assert all(r.sentences is None and r.spans is None for r in records)
    title, text = reference_corpora.BLOCKS[0]
    key = reference_formats.ids_key(reference_corpora.ids(title), reference_corpora.ids(text))
    assert records[0].ids_key == key != records[1].ids_key


def test_orqa_rows_are_of_all_three_files(tmp_path):
    records = read(reference_corpora.write_orqa(tmp_path), "orqa")
    assert [(r.title, r.text, r.row) for r in records] == [
        (*block, row) for row, block in enumerate(reference_corpora.BLOCKS)
    ]
    realm = read(reference_corpora.write_realm_blocks(tmp_path / "r"), "realm-blocks")
    assert [r.ids_key for r in records] == [r.ids_key for r in realm]


def test_examples_are_optional(tmp_path):
    records = read(reference_corpora.write_orqa(tmp_path, examples=False), "orqa")
    assert len(records) == 6
    assert {r.ids_key for r in records} == {""}


def test_pretraining_record_has_sentences_and_spans():
    record = reference_formats.parse("realm-pretrain", "", 3, [passage()])
    assert record.row == 3
    data = TEXT.encode()
    assert [data[a:b].decode() for a, b in record.sentences] == ["Louis né.", "In York."]
    assert [(data[a:b].decode(), label) for a, b, label in record.spans] == [
        ("Louis", "SPAN"),
        ("York", "SPAN"),
    ]


def test_labels_are_kept_with_their_spans_in_order():
    changes = {"span_byte_start": [14, 0], "span_byte_limit": [18, 5]}
    record = reference_formats.parse(
        "realm-pretrain", "", 0, [passage(**changes, span_label=[b"LOC", b"PER"])]
    )
    assert record.spans == [(0, 5, "PER"), (14, 18, "LOC")]


def test_record_without_spans_has_none():
    bare = passage(span_byte_start=None, span_byte_limit=None)
    assert reference_formats.parse("realm-pretrain", "", 0, [bare]).spans == []
    empty = passage(span_byte_start=[], span_byte_limit=[])
    assert reference_formats.parse("realm-pretrain", "", 0, [empty]).spans == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": None}, 'the feature "title" is missing'),
        ({"text": None}, 'the feature "text" is missing or not one value. It holds: sentence_byte'),
        ({"text": b"\xff"}, '"text" is not UTF-8'),
        ({"sentence_byte_start": None}, '"sentence_byte_start" is missing'),
        ({"span_byte_limit": None}, '"span_byte_limit" is missing'),
        ({"span_byte_start": [0]}, '1 values in "span_byte_start", but 2 in "span_byte_limit"'),
        ({"span_byte_limit": [5, 99]}, "the span of bytes 14 to 99 is not in the text"),
        ({"span_byte_start": [-1, 14]}, "the span of bytes -1 to 5 is not in the text"),
        ({"span_byte_start": [0, 19]}, "the span of bytes 19 to 18 is not in the text"),
        ({"span_byte_limit": [8, 18]}, "begins or ends inside a character"),
        ({"span_byte_start": b"0"}, '"span_byte_start" does not hold integers'),
        ({"sentence_byte_start": [0, 5]}, "two sentences overlap at byte 5"),
        ({"span_label": [b"PER"]}, '1 values in "span_label" for 2 spans'),
    ],
)
def test_wrong_pretraining_record(changes, message):
    assert message in refusal("realm-pretrain", passage(**changes))


@pytest.mark.parametrize("name", ["title", "body"])
def test_realm_block_without_a_text(name):
    record = reference_corpora.realm_block("T", "A city.", **{name: None})
    assert f'the feature "{name}" is missing' in refusal("realm-blocks", record)


def test_wrong_orqa_record():
    assert '"text" is not UTF-8' in refusal("orqa", b"\xff", b"T")
    assert '"title" is not UTF-8' in refusal("orqa", b"A", b"\xff")
    assert '"title_ids" is missing' in refusal("orqa", b"A", b"T", reference_corpora.example())
    assert "not a tf.train.Example" in refusal("orqa", b"A", b"T", b"A city")


def test_blocks_and_titles_of_different_lengths(tmp_path):
    path = reference_corpora.write_orqa(tmp_path, examples=False)
    reference_corpora.write(tmp_path / "titles.tfr", [b"one", b"two"])
    message = r"blocks\.tfr holds 6 records, but .*titles\.tfr holds 2"
    with pytest.raises(types.UserError, match=message):
        read(path, "orqa")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(types.UserError, match="No file matches"):
        reference_formats.expand(str(tmp_path / "*.tfr"), "orqa")
    path = reference_corpora.write_orqa(tmp_path)
    (tmp_path / "titles.tfr").unlink()
    with pytest.raises(
        types.UserError, match=r"titles\.tfr, which holds the titles of .*, is missing"
    ):
        reference_formats.expand(path, "orqa")
    with pytest.raises(types.UserError, match="not a file of ORQA's blocks"):
        reference_formats.expand(str(tmp_path / "examples.tfr"), "orqa")


def test_fingerprint_depends_on_the_order_of_the_files(tmp_path):
    def fingerprint(root: pathlib.Path) -> str:
        return reference_formats.fingerprint(
            reference_formats.expand(str(root / "docs*"), "realm-blocks")
        )

    reference_corpora.write_realm_blocks(tmp_path / "a")
    reference_corpora.write_realm_blocks(tmp_path / "b")
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    min((tmp_path / "b").iterdir()).rename(tmp_path / "b/docs.z")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")
