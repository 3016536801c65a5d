# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The safetensors format: bytes as documented, and damage that is told."""

import json
import struct

import numpy as np
import pytest

from realm_tf import types
from realm_tf.models.import_weights import safetensors


def _file(tmp_path, header, data):
    text = json.dumps(header).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return str(path)


def test_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    tensors = {
        n: rng.normal(size=s).astype(np.float32)
        for n, s in {"b": (2, 3), "a": (), "c": (0,)}.items()
    }
    path = str(tmp_path / "m.safetensors")
    safetensors.write(path, tensors)
    again = safetensors.read(path)
    assert set(again) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(again[name], array)
        assert again[name].shape == array.shape


def test_layout_on_disk(tmp_path):
    path = tmp_path / "m.safetensors"
    safetensors.write(str(path), {"b": np.ones([2], np.float32), "a": np.zeros([1], np.float32)})
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    assert (8 + size) % 8 == 0
    assert header["a"] == {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    assert header["b"] == {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}
    assert content[8 + size :] == np.array([0, 1, 1], "<f4").tobytes()


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        ("F16", np.array([1.5, -2], np.float16)),
        ("I64", np.array([3, -4])),
        ("F64", np.array([0.1, 2.0])),
    ],
)
def test_other_types(tmp_path, dtype, array):
    entry = {"dtype": dtype, "shape": [2], "data_offsets": [0, array.nbytes]}
    read = safetensors.read(_file(tmp_path, {"x": entry}, array.tobytes()))["x"]
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


def test_bfloat16_becomes_float32(tmp_path):
    wide = np.array([1.5, -2.0, 3.140625], np.float32)
    data = (wide.view(np.uint32) >> 16).astype("<u2").tobytes()
    entry = {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}
    read = safetensors.read(_file(tmp_path, {"x": entry}, data))["x"]
    np.testing.assert_array_equal(read, wide)
    assert read.dtype == np.float32


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("entry", "data"),
    [
        (GOOD, b"\0" * 7),
        ({**GOOD, "shape": [3]}, b"\0" * 8),
        (GOOD, b"\0" * 9),
        ({**GOOD, "dtype": "F31"}, b"\0" * 8),
        ({"dtype": "F32"}, b""),
    ],
    ids=["cut short", "shape", "too long", "no such type", "no offsets"],
)
def test_damaged_file_is_named(tmp_path, entry, data):
    path = _file(tmp_path, {"x": entry}, data)
    with pytest.raises(
        types.UserError, match=r"m\.safetensors is not a safetensors file, or it is"
    ):
        safetensors.read(path)


def test_type_that_numpy_has_not_is_named(tmp_path):
    entry = {**GOOD, "dtype": "F8_E5M2", "data_offsets": [0, 2]}
    with pytest.raises(types.UserError, match="tensor x cannot be read: its type is F8_E5M2"):
        safetensors.read(_file(tmp_path, {"x": entry}, b"\0" * 2))


def test_rows_of_a_transposed_array_are_written(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    safetensors.write(str(tmp_path / "x"), {"a": array})
    np.testing.assert_array_equal(safetensors.read(str(tmp_path / "x"))["a"], array)


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", struct.pack("<Q", 1 << 40) + b"{}", struct.pack("<Q", 2) + b"[]"],
)
def test_what_is_no_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(types.UserError, match="safetensors"):
        safetensors.read(str(path))


def test_missing_file_is_told(tmp_path):
    with pytest.raises(types.UserError, match="No such file"):
        safetensors.read(str(tmp_path / "none"))


def test_only_float32_is_written(tmp_path):
    with pytest.raises(ValueError, match="must be float32"):
        safetensors.write(str(tmp_path / "x"), {"a": np.array([1])})
