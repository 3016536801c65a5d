# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of records are read to their very end, or refused by name and record."""

import pytest

from realm_tf import types
from realm_tf.data.reference import tfrecords
from tests.beam_jobs import reference_corpora

RECORDS = [bytes([i % 251]) * (i % 40) for i in range(1500)]


@pytest.mark.parametrize("compress", [False, True])
def test_all_records_are_counted_and_read(tmp_path, compress):
    path = reference_corpora.write(tmp_path / "any.name", RECORDS, compress=compress)
    assert tfrecords.count(path) == 1500
    assert list(tfrecords.read(path)) == RECORDS
    empty = reference_corpora.write(tmp_path / "empty", [], compress=compress)
    assert tfrecords.count(empty) == 0
    assert list(tfrecords.read(empty)) == []


def test_records_of_more_than_a_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(tfrecords, "_CHUNK_BYTES", 7)
    path = reference_corpora.write(tmp_path / "r", RECORDS[:60])
    assert tfrecords.count(path) == 60


@pytest.mark.parametrize("lost", [1, 5, 17])
def test_truncated_file_names_the_record(tmp_path, lost):
    path = tmp_path / "blocks.tfr"
    reference_corpora.write(path, [b"first", b"second"])
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(types.UserError, match=rf"{path}: record 1: the file is truncated"):
        tfrecords.count(str(path))


@pytest.mark.parametrize("lost", [1, 8, 200])
def test_gzipped_file_that_lost_its_end_is_found_even_between_records(tmp_path, lost):
    path = tmp_path / "docs.gz"
    reference_corpora.write(path, RECORDS, compress=True)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(types.UserError, match=rf"{path}: record \d+: damaged gzip file"):
        tfrecords.count(str(path))


def test_wrong_checksum_names_the_record(tmp_path):
    path = tmp_path / "blocks.tfr"
    reference_corpora.write(path, [f"record {i:04d}".encode() for i in range(700)])
    data = bytearray(path.read_bytes())
    data[data.index(b"record 0600")] ^= 1
    path.write_bytes(data)
    assert tfrecords.count(str(path)) == 700
    with pytest.raises(types.UserError, match=rf"{path}: record 600: its checksum is wrong"):
        list(tfrecords.read(str(path)))


def test_text_is_no_records(tmp_path):
    path = tmp_path / "blocks.tfr"
    path.write_text('{"id": "1", "text": "a line of JSON"}\n')
    with pytest.raises(types.UserError, match="does not hold TFRecords"):
        tfrecords.count(str(path))
