# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where files are cut, and what belongs to a part."""

import bz2
import gzip

import pytest

from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import splitting


def contents(unit) -> tuple[bytes, bytes]:
    """What is the unit's, and what follows it."""
    own, other = [], []
    for part, is_own in splitting.pieces(unit):
        assert not (is_own and other)
        (own if is_own else other).append(part)
    return b"".join(own), b"".join(other)


def test_plain_files_are_cut_anywhere(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    units = splitting.units(str(path), "root", 4)
    assert units == [records.Unit(str(path), a, b, "root") for a, b in ((0, 4), (4, 8), (8, -1))]
    assert [contents(u) for u in units] == [
        (b"0123", b"456789"),
        (b"4567", b"89"),
        (b"89", b""),
    ]
    assert len(splitting.units(str(path), "", 10)) == 1


def test_bzip2_is_cut_where_streams_begin(tmp_path):
    path = tmp_path / "a.bz2"
    streams = [bz2.compress(text) for text in (b"one", b"two", b"three", b"four")]
    path.write_bytes(b"".join(streams))
    starts = [len(b"".join(streams[:i])) for i in range(4)]
    units = splitting.units(str(path), "", 1)
    assert [u.byte_start for u in units] == starts
    assert [contents(u)[0] for u in units] == [b"one", b"two", b"three", b"four"]
    assert contents(units[1])[1] == b"threefour"
    coarse = splitting.units(str(path), "", starts[2])
    assert [u.byte_start for u in coarse] == [0, starts[2]]


def test_what_looks_like_a_stream_is_tried(tmp_path):
    path = tmp_path / "a.bz2"
    fake = bz2.compress(b"one")[:14] + b"no stream at all" * 9
    path.write_bytes(bz2.compress(b"zero") + fake + bz2.compress(b"two"))
    starts = [u.byte_start for u in splitting.units(str(path), "", 1)]
    assert starts == [0, len(bz2.compress(b"zero")) + len(fake)]


def test_a_stream_on_the_border_of_what_is_read_at_once(tmp_path, monkeypatch):
    path = tmp_path / "a.bz2"
    first = bz2.compress(b"one")
    path.write_bytes(first + bz2.compress(b"two"))
    for size in range(3, len(first) + 12):
        monkeypatch.setattr(splitting.streams, "CHUNK_BYTES", size)
        assert [u.byte_start for u in splitting.units(str(path), "", 1)] == [0, len(first)], size


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress])
def test_one_stream_cannot_be_cut(tmp_path, compress):
    path = tmp_path / "a"
    path.write_bytes(compress(b"text " * 999))
    (unit,) = splitting.units(str(path), "", 1)
    assert unit[1:3] == (0, -1)
    assert contents(unit) == (b"text " * 999, b"")
