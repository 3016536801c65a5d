# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines in bounded memory, whatever ends them, and what is no line of text."""

import bz2
import gzip
import tracemalloc

import pytest

from realm_tf import types
from realm_tf.text.inputs import lines

COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, "": bytes}


@pytest.mark.parametrize("ending", COMPRESS)
def test_lines_are_numbered_and_without_their_ends(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(COMPRESS[ending](b"\xef\xbb\xbfone\r\n\n" + b"x" * 2_000_000 + b"\nlast"))
    found = list(lines.lines(str(path), 10))
    assert [(line.number, line.text, line.size, line.is_too_long) for line in found] == [
        (1, b"one", 7, False),
        (2, b"", 0, False),
        (3, b"", 2_000_000, True),
        (4, b"last", 4, False),
    ]


def test_memory_is_bounded_by_the_limit_not_the_file(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"x" * 60_000_000 + b"\nlast", 1))
    tracemalloc.start()
    found = list(lines.lines(str(path), 1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [line.size for line in found] == [60_000_000, 4]
    assert peak < 12_000_000


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"a\rb\r", ["a", "b"]),
        (b"a\rb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\nc\n", ["a\rb", "c"]),  # of a file with LF a lone CR ends nothing
        ("a\u2028b\x85c\n".encode(), ["a\u2028b\x85c"]),
        (b"\xef\xbb\xbfa\n\n", ["a", ""]),
        (b"", []),
    ],
)
def test_line_ends(tmp_path, content, texts):
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    read = list(lines.read_lines(str(path)))
    assert read == [(f"{path}:{n}", text) for n, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\xe9\n", r"a\.gz:2: not UTF-8: its byte 2 is 0xE9"),
        (b"a\n\xed\xa0\x80\n", r"a\.gz:2: not UTF-8"),  # half of a surrogate pair
        (b"a\n" + b"x" * (17 << 20), r"a\.gz:2: the line has 17825792 bytes"),
        ("a".encode("utf-16"), r"a\.gz: the file is text in UTF-16"),
    ],
)
def test_bad_lines_are_refused_with_their_place(tmp_path, content, message):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(types.UserError, match=message):
        list(lines.read_lines(str(path)))


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_damaged_files_are_refused_in_one_line(tmp_path, damage):
    whole = bytearray(gzip.compress(bytes(range(256)) * 9))
    whole[len(whole) // 2] ^= 0xFF
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"abc\n" * 99)[:-9] if damage == "cut" else bytes(whole))
    with pytest.raises(types.UserError, match=r"a\.gz.*(cut off|damaged|not UTF-8)") as caught:
        list(lines.read_lines(str(path)))
    assert "\n" not in str(caught.value)
