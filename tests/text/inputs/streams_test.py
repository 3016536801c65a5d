# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decompression that never ends silently, and what is no text at all."""

import bz2
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.text.inputs import streams

COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, "": bytes}


def content(path) -> tuple[bytes, str]:
    """What can be read, and the message of the damage behind it."""
    held = []
    try:
        for chunk in streams.chunks(str(path)):
            held.append(chunk)
    except streams.DamagedError as error:
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
    # Not what is refused by its first bytes.
    data=st.binary(max_size=300).map(lambda data: data and b"x" + data),
    cut=st.integers(0, 400),
    ending=st.sampled_from([".gz", ".bz2"]),
)
def test_any_cut_is_noticed_or_nothing_is_lost(tmp_path_factory, data, cut, ending):
    whole = COMPRESS[ending](data)
    path = tmp_path_factory.mktemp("cut") / f"a{ending}"
    path.write_bytes(whole[:cut])
    read, damage = content(path)
    assert data.startswith(read)
    assert bool(damage) == (cut < len(whole))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\n".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff\0a", "UTF-16"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\x28\xb5\x2f\xfdrest", "Zstandard"),
        (b"PAR1rest", "--format parquet"),
    ],
)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_what_is_no_text_in_utf8_is_named(tmp_path, content, message, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(COMPRESS[ending](content))
    with pytest.raises(streams.DamagedError, match=message):
        list(streams.chunks(str(path)))


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(types.UserError, match="No such file"):
        list(streams.chunks(str(tmp_path / "nothing")))
    with pytest.raises(types.UserError, match="Cannot read"):
        list(streams.chunks(str(tmp_path)))
