# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A file is a document: its id, its title, and what is none."""

import gzip

from realm_tf.data.corpus import formats as corpus_formats
from tests.data.corpus.readers import reading


def test_ids_are_paths_below_the_root(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "One thing.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    (tmp_path / "sub" / "b.v1.txt.gz").write_bytes(gzip.compress("zwölf".encode()))
    found = reading.read(tmp_path, "text")
    assert [(d.doc_id, d.title, d.text) for d in found] == [
        ("One thing.txt", "One thing", "one\ntwo"),
        ("sub/b.v1.txt.gz", "b.v1", "zwölf"),
    ]
    assert [d.doc_id for d in reading.read(tmp_path / "sub" / "*")] == ["b.v1.txt.gz"]


def test_what_is_no_text_is_named_by_its_file(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff")
    (tmp_path / "b.txt").write_bytes(b"x" * (1 << 20) + b"y")
    (tmp_path / "c.txt").write_text(" \n")
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(b"text")[:-4])
    a, b, c, d = reading.read(tmp_path, max_record_mb=1)
    assert a.message.startswith(f"{tmp_path}/a.txt: not UTF-8")
    assert b.message.startswith(f"{tmp_path}/b.txt: a record of 1048577 bytes")
    assert c.reason == "no_text"
    assert d.message.startswith(f"{tmp_path}/d.txt.gz: the compressed data end")


def test_fingerprint_knows_the_ids(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    first = corpus_formats.fingerprint(str(tmp_path), "text")
    (tmp_path / "a.txt").rename(tmp_path / "b.txt")
    assert corpus_formats.fingerprint(str(tmp_path), "text") != first
