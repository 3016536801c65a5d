# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files by path, folder and pattern, as people's folders are."""

import pytest

from realm_tf import types
from realm_tf.text.inputs import files


def make(root, *names) -> list[str]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    return [f"{root}/{name}" for name in names]


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


@pytest.mark.parametrize("name", ["corpus [v2].jsonl", "what?.jsonl", "a*b.jsonl", "{x}.jsonl"])
def test_a_path_that_exists_is_no_pattern(tmp_path, name):
    path, _ = make(tmp_path, name, "corpus v.jsonl")
    assert files.expand(path) == (str(tmp_path), [path])


def test_a_pattern_in_a_folder_with_brackets(tmp_path):
    inside = make(tmp_path, "news [2019]/1.txt", "news [2019]/b/2.txt")
    make(tmp_path, "news 2/3.txt", "news [2019]/b/_SUCCESS")
    folder = f"{tmp_path}/news [2019]"
    assert files.expand(folder) == (folder, inside)
    assert files.expand(f"{folder}/*.txt") == (folder, inside[:1])
    assert files.expand(f"{folder}/*/*") == (folder, inside[1:])
    with pytest.raises(
        types.UserError, match=r"\[ in it are wildcards: no file has this very path"
    ):
        files.expand(f"{tmp_path}/news [2020].txt")


def test_hidden_files_are_passed_over(tmp_path):
    kept = make(tmp_path, "part-0.parquet", "y=1/part-0.parquet")
    hidden = make(
        tmp_path,
        "_SUCCESS",
        "_metadata",
        ".part-0.parquet.crc",
        ".DS_Store",
        "._part-0.parquet",
        "_temporary/0/part-1.parquet",
        ".ipynb_checkpoints/part-0.parquet",
    )
    assert files.expand(str(tmp_path))[1] == kept
    assert files.expand(f"{tmp_path}/*")[1] == kept[:1]
    assert files.expand(f"{tmp_path}/*/*.parquet")[1] == kept[1:]
    assert files.expand(f"{tmp_path}/_*")[1] == sorted(hidden[:2])
    assert files.expand(hidden[0])[1] == hidden[:1]
    (tmp_path / "y=1" / "part-0.parquet").unlink()
    (tmp_path / "part-0.parquet").unlink()
    with pytest.raises(types.UserError, match="names only hidden files"):
        files.expand(str(tmp_path))


def test_hidden_files_are_told_once(tmp_path, caplog):
    caplog.set_level("INFO")
    for name in ("a.txt", "_SUCCESS", ".a.txt.crc"):
        (tmp_path / name).write_text("text")
    for _ in range(3):
        assert files.expand(str(tmp_path))[1] == [str(tmp_path / "a.txt")]
    told = [r.getMessage() for r in caplog.records if "hidden files" in r.getMessage()]
    assert len(told) == 1
    assert told[0].endswith(f": 2, the first {tmp_path}/.a.txt.crc.")


def test_several_patterns_keep_their_order_and_repetitions(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
    a, b = f"{tmp_path}/a.txt", f"{tmp_path}/b.txt"
    assert files.expand_all([b, f"{tmp_path}/*.txt"]) == [b, a, b]
    with pytest.raises(types.UserError, match="No file matches"):
        files.expand_all([b, f"{tmp_path}/*.csv"])
