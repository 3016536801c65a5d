# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Local copies: none of a local file, one of a remote file."""

import os
import pathlib

from realm_tf import artifacts


def test_localise_leaves_a_local_path(tmp_path):
    assert artifacts.localise(str(tmp_path / "f")) == str(tmp_path / "f")


def test_localise_copies_a_remote_file_once(tmp_path):
    path, cache = "ram://bucket/table.npy", str(tmp_path / "cache")
    artifacts.write_text(path, "first")
    local = artifacts.localise(path, cache)
    assert pathlib.Path(local).read_text() == "first"
    assert os.path.basename(local).endswith("-table.npy")
    assert artifacts.localise(path, cache) == local
    assert os.listdir(cache) == [os.path.basename(local)]
