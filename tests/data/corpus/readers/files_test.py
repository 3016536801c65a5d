# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decompression that never ends silently, and lines in bounded memory."""

import bz2
import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.data.corpus.readers import files

COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, "": bytes}


def content(path) -> tuple[bytes, str]:
    """What can be read, and the message of the damage behind it."""
    held = []
    try:
        for chunk in files.chunks(str(path)):
            held.append(chunk)
    except files.DamagedError as error:
        return b"".join(held), str(error)
    return b"".join(held), ""


@pytest.mark.parametrize("ending", COMPRESS)
def test_streams_follow_each_other_and_zeros_may_pad(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    compress = COMPRESS[ending]
    path.write_bytes(compress(b"one ") + compress(b"") + compress(b"two" * 1_000_000))
    assert content(path) == (b"one " + b"two" * 1_000_000, "")
    if ending:
        path.write_bytes(compress(b"one") + b"\0" * 512)
        assert content(path) == (b"one", "")


@pytest.mark.parametrize("ending", [".gz", ".bz2"])
def test_the_contents_tell_the_compression(tmp_path, ending):
    path = tmp_path / "no_ending"
    path.write_bytes(COMPRESS[ending](b"text"))
    assert content(path) == (b"text", "")
    (tmp_path / f"a{ending}").write_bytes(b"plain")
    assert content(tmp_path / f"a{ending}") == (
        b"",
        "damaged compressed data: the file does not begin as its name says",
    )


@pytest.mark.parametrize("ending", [".gz", ".bz2"])
def test_damage_in_a_later_stream_is_no_end(tmp_path, ending):
    first, second = (COMPRESS[ending](text) for text in (b"one", b"two"))
    path = tmp_path / f"a{ending}"
    path.write_bytes(first + b"XX" + second[2:])
    assert content(path)[0] == b"one"
    assert "damaged" in content(path)[1]
    path.write_bytes(first + second[:-3])
    assert content(path)[0].startswith(b"one")
    assert "cut off" in content(path)[1]
    path.write_bytes(first + second[: len(second) // 2] + b"?" + second[len(second) // 2 + 1 :])
    assert content(path)[0].startswith(b"one")
    assert content(path)[1]


@given(
    data=st.binary(max_size=300), cut=st.integers(0, 400), ending=st.sampled_from([".gz", ".bz2"])
)
def test_any_cut_is_noticed_or_nothing_is_lost(tmp_path_factory, data, cut, ending):
    whole = COMPRESS[ending](data)
    path = tmp_path_factory.mktemp("cut") / f"a{ending}"
    path.write_bytes(whole[:cut])
    read, damage = content(path)
    assert data.startswith(read)
    assert bool(damage) == (cut < len(whole))


@pytest.mark.parametrize("ending", COMPRESS)
def test_lines_are_numbered_and_without_their_ends(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(COMPRESS[ending](b"\xef\xbb\xbfone\r\n\n" + b"x" * 2_000_000 + b"\nlast"))
    found = list(files.lines(str(path), 10))
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
    found = list(files.lines(str(path), 1_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [line.size for line in found] == [60_000_000, 4]
    assert peak < 12_000_000


def test_patterns_and_folders(tmp_path):
    for name in ("b/2.txt", "b/c/3.txt", "a/1.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    root = str(tmp_path)
    every = [f"{root}/{name}" for name in ("a/1.txt", "b/2.txt", "b/c/3.txt")]
    assert files.expand(root) == (root, every)
    assert files.expand(root + "/") == (root, every)
    assert files.expand(f"{root}/*/*.txt") == (root, every[:2])
    assert files.expand(f"{root}/b/2.txt") == (f"{root}/b", every[1:2])
    with pytest.raises(types.UserError, match="No file matches"):
        files.expand(f"{root}/*.csv")
    with pytest.raises(types.UserError, match="No such file"):
        list(files.chunks(f"{root}/nothing"))
