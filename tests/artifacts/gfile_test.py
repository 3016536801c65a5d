# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Local paths by the standard library, and paths with a scheme by TensorFlow, give the same."""

import os

import pytest
import tensorflow as tf

from realm_tf.artifacts import gfile


@pytest.fixture(params=["", "file://"], ids=["local", "scheme"])
def root(request, tmp_path):
    """A directory, as a local path and as one for TensorFlow."""
    return f"{request.param}{tmp_path}"


def test_files_are_written_read_and_listed(root):
    folder = os.path.join(root, "a", "b")
    gfile.makedirs(folder)
    gfile.makedirs(folder)
    path = os.path.join(folder, "é.txt")
    with gfile.GFile(path, "w") as f:
        f.write("première\r\nline\n")
    with gfile.GFile(path, "rb") as f:
        content = f.read()
    assert content == "première\r\nline\n".encode()
    with gfile.GFile(path) as f:
        assert f.read() == "première\r\nline\n"
    assert gfile.stat(path).length == len(content)
    assert gfile.stat(path).mtime_nsec > 0
    gfile.copy(path, os.path.join(root, "a", ".hidden"))
    gfile.copy(path, os.path.join(root, "a", ".hidden"))
    assert [name.rstrip("/") for name in gfile.listdir(os.path.join(root, "a"))] == [".hidden", "b"]
    local = root.removeprefix("file://")
    found = [path.removeprefix("file://") for path in gfile.glob(os.path.join(root, "*", "*"))]
    assert found == [f"{local}/a/.hidden", f"{local}/a/b"]
    walked = [(list(map(os.path.basename, part[1])), part[2]) for part in gfile.walk(root)]
    assert walked == [(["a"], []), (["b"], [".hidden"]), ([], ["é.txt"])]
    assert gfile.isdir(folder)
    assert not gfile.isdir(path)
    gfile.remove(path)
    assert not gfile.exists(path)


def test_missing_file(root):
    path = os.path.join(root, "nowhere")
    assert not gfile.exists(path)
    assert gfile.glob(f"{path}/*") == []
    with pytest.raises(FileNotFoundError), gfile.GFile(path, "rb"):
        pass
    for function in (gfile.remove, gfile.stat, gfile.listdir):
        with pytest.raises(FileNotFoundError):
            function(path)
    with pytest.raises(FileNotFoundError):
        gfile.copy(path, f"{path}2")


def test_the_user_s_own_error_passes_through(root):
    gfile.makedirs(root)
    with pytest.raises(ValueError, match="mine"), gfile.GFile(os.path.join(root, "a"), "w"):
        raise ValueError("mine")


def test_results_are_those_of_tensorflow(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y.txt").write_text("1")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    root = str(tmp_path)
    for name in ("exists", "isdir"):
        for path in (root, f"{root}/x/y.txt", f"{root}/gone", f"{root}/none", ""):
            assert getattr(gfile, name)(path) == getattr(tf.io.gfile, name)(path), (name, path)
    for pattern in (f"{root}/*", f"{root}/x/*.txt", f"{root}/[wx]/y*", f"{root}/n*/y"):
        assert gfile.glob(pattern) == sorted(tf.io.gfile.glob(pattern))
