# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files are found and read whatever their directory is called."""

import os

import pytest

from realm_tf import artifacts, types


def test_paths_in_a_directory_of_any_name(tmp_path):
    folder = tmp_path / "a [b] *?"
    (folder / "blocks-1").mkdir(parents=True)
    (folder / "blocks-2").write_text("")
    (folder / "other-2").write_text("")
    found = artifacts.paths_in(str(folder), prefix="blocks-")
    assert found == [f"{folder}/blocks-1", f"{folder}/blocks-2"]
    assert artifacts.paths_in(str(folder), suffix="-2") == [
        f"{folder}/blocks-2",
        f"{folder}/other-2",
    ]
    assert artifacts.paths_in(str(tmp_path / "missing")) == []


@pytest.mark.parametrize("name", ["plain", "a [b]", "*", "what?", "back\\slash"])
def test_plain_path_leads_to_the_directory(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "file").write_text("x")
    with artifacts.plain_path(str(folder)) as plain:
        assert not set("*?[]\\") & set(plain)
        assert os.listdir(plain) == ["file"]
    assert (folder / "file").exists()
    assert (plain == str(folder)) == os.path.exists(plain)


def test_create_text_is_for_new_files(tmp_path):
    path = str(tmp_path / "file")
    artifacts.create_text(path, "one")
    with pytest.raises(FileExistsError):
        artifacts.create_text(path, "two")
    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "one"


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"{'a': 1}"])
def test_what_is_not_json_is_one_line(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(types.UserError, match=r"x\.json is not JSON: .* It may be damaged\."):
        artifacts.read_json(str(tmp_path / "x.json"))
