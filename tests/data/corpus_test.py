# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading a corpus, and naming file and line of whatever is wrong in it."""

import gzip
import json
import re

import pytest

from realm_tf import types
from realm_tf.data import corpus


def write(path, *records) -> str:
    data = b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in records)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def test_reads_files_in_order_plain_and_gzipped(tmp_path):
    write(tmp_path / "b.jsonl", {"id": "3", "text": "drei", "url": "u", "n": [1]})
    write(
        tmp_path / "a.jsonl.gz",
        b"\xef\xbb\xbf",  # a byte order mark
        {"doc_id": "1", "title": "Eins", "text": "é"},
        b"\n  \r\n",
        {"id": 2, "title": None, "text": ""},
    )
    assert list(corpus.read(str(tmp_path / "*.jsonl*"))) == [
        types.Document("1", "Eins", "é", {}),
        types.Document("2", "", "", {}),
        types.Document("3", "", "drei", {"url": "u", "n": [1]}),
    ]


def test_separators_inside_a_string_do_not_end_a_line(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"id": "1", "text": "a\u2028b\x85c"}\n'.encode())
    assert [d.text for d in corpus.read(path)] == ["a\u2028b\x85c"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "invalid JSON"),
        (b'{"id": "\xff", "text": ""}', "not UTF-8"),
        (b"[1, 2]", "object is needed"),
        (b'{"text": "a"}', 'no "id"'),
        (b'{"id": "", "text": "a"}', "not empty"),
        (b'{"id": true, "text": "a"}', "must be a string"),
        (b'{"id": "1"}', '"text" must be a string. Received: None'),
        (b'{"id": "1", "text": 5}', '"text" must be a string. Received: 5'),
        (b'{"id": "1", "text": "a", "title": []}', '"title" must be a string'),
        (b'{"id": "1", "text": "a", "x": NaN}', "NaN is not JSON"),
        (b'{"id": "1", "text": "\\ud800"}', "not valid Unicode"),
        (b'{"id": "1", "text": "a", "x": "\\UD800"}'.lower(), "not valid Unicode"),
        (b"[" * 100_000, "invalid JSON"),
    ],
)
def test_bad_line_is_named(tmp_path, line, message):
    path = write(tmp_path / "a.jsonl", {"id": "1", "text": "a"}, line + b"\n")
    with pytest.raises(types.UserError, match=re.escape(message)) as error:
        list(corpus.read(path))
    assert str(error.value).startswith(f"{path}:2: ")
    assert "\n" not in str(error.value)


def test_escaped_surrogate_pair_is_a_character(tmp_path):
    path = write(tmp_path / "a.jsonl", rb'{"id": "1", "text": "\ud83d\ude00"}')
    assert [d.text for d in corpus.read(path)] == ["😀"]


def test_cut_gzip_file_is_named(tmp_path):
    path = write(tmp_path / "a.jsonl.gz", *({"id": i, "text": "a" * i} for i in range(99)))
    data = (tmp_path / "a.jsonl.gz").read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(data[:-20])
    with pytest.raises(types.UserError, match=f"{path}:.* damaged gzip"):
        list(corpus.read(path))


def test_no_files_and_unknown_formats(tmp_path):
    with pytest.raises(types.UserError, match="No file matches"):
        corpus.expand(str(tmp_path / "*"))
    write(tmp_path / "a.csv", b"x")
    with pytest.raises(types.UserError, match=r"a\.csv.*\.jsonl or \.jsonl\.gz"):
        corpus.expand(str(tmp_path / "*"))
    with pytest.raises(types.UserError, match="No such file"):
        list(corpus.read_lines(str(tmp_path / "b.jsonl")))


def test_fingerprint_is_of_the_contents(tmp_path):
    write(tmp_path / "a.jsonl", {"id": "1", "text": "a"})
    write(tmp_path / "b.jsonl", {"id": "2", "text": "b"})
    (tmp_path / "other").mkdir()
    write(tmp_path / "other" / "x.jsonl", {"id": "2", "text": "b"})
    write(tmp_path / "other" / "y.jsonl", {"id": "1", "text": "a"})
    first = corpus.fingerprint(str(tmp_path / "*.jsonl"))
    assert corpus.fingerprint(str(tmp_path / "other" / "*.jsonl")) == first
    write(tmp_path / "other" / "y.jsonl", {"id": "1", "text": "c"})
    assert corpus.fingerprint(str(tmp_path / "other" / "*.jsonl")) != first
