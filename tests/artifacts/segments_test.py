# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Segments: what makes one complete, and that no damage to it goes unnoticed."""

import json
import os
import pathlib

import pytest

from realm_tf import artifacts, types
from realm_tf.artifacts import segments


def _write(path, *, kind="blocks", made_from=None, files=None) -> artifacts.Segment:
    made_from = {"tokenizer": "t"} if made_from is None else made_from
    writer = artifacts.SegmentWriter(
        str(path), kind=kind, settings={"length": 3}, made_from=made_from
    )
    for name, content in (files or {"b.bin": b"bravo", "a.bin": b"alpha"}).items():
        with writer.file(name, num_records=len(content)) as aside, open(aside, "wb") as f:
            f.write(content)
    return writer.commit(blocks=10)


def test_committed_segment_is_read_back_equal(tmp_path):
    written = _write(tmp_path / "s")
    assert artifacts.open_segment(str(tmp_path / "s"), "blocks") == written
    assert [shard.name for shard in written.shards] == ["a.bin", "b.bin"]
    assert written.shards[0].num_records == 5
    assert written.counts == {"blocks": 10}
    assert written.files("b") == [str(tmp_path / "s" / "b.bin")]


def test_segment_is_incomplete_until_committed(tmp_path):
    path = str(tmp_path / "s")
    writer = artifacts.SegmentWriter(path, kind="blocks", settings={}, made_from={})
    with writer.file("a.bin") as aside, open(aside, "wb") as f:
        f.write(b"alpha")
    assert not artifacts.is_complete(path)
    with pytest.raises(types.UserError, match="is not a complete segment"):
        artifacts.open_segment(path)
    writer.commit()
    assert artifacts.is_complete(path)
    artifacts.open_segment(path)


def test_missing_segment_is_incomplete(tmp_path):
    with pytest.raises(types.UserError, match="is not a complete segment"):
        artifacts.open_segment(str(tmp_path / "nothing"))


def _flip(path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))


def test_flipped_byte_is_found(tmp_path):
    _write(tmp_path / "s")
    _flip(tmp_path / "s" / "b.bin", 2)
    with pytest.raises(types.UserError, match=r"b\.bin is damaged"):
        artifacts.open_segment(str(tmp_path / "s"))
    artifacts.open_segment(str(tmp_path / "s"), verify=False)  # that is what it skips


@pytest.mark.parametrize("verify", [True, False])
def test_file_cut_short_is_found(tmp_path, verify):
    _write(tmp_path / "s")
    (tmp_path / "s" / "b.bin").write_bytes(b"brav")
    with pytest.raises(types.UserError, match=r"b\.bin is damaged: expected 5 bytes"):
        artifacts.open_segment(str(tmp_path / "s"), verify=verify)


@pytest.mark.parametrize("verify", [True, False])
def test_missing_file_is_found(tmp_path, verify):
    _write(tmp_path / "s")
    (tmp_path / "s" / "a.bin").unlink()
    with pytest.raises(types.UserError, match=r"a\.bin is missing"):
        artifacts.open_segment(str(tmp_path / "s"), verify=verify)


def test_edited_manifest_is_found(tmp_path):
    _write(tmp_path / "s")
    manifest = tmp_path / "s" / artifacts.MANIFEST
    body = json.loads(manifest.read_text())
    body["counts"]["blocks"] = 11
    manifest.write_text(json.dumps(body))
    with pytest.raises(types.UserError, match="was changed after it was written"):
        artifacts.open_segment(str(tmp_path / "s"))


def test_manifest_without_a_field_is_refused(tmp_path):
    _write(tmp_path / "s")
    manifest = tmp_path / "s" / artifacts.MANIFEST
    body = json.loads(manifest.read_text())
    del body["kind"]
    manifest.write_text(json.dumps(body))
    with pytest.raises(types.UserError, match="lacks a field: 'kind'"):
        artifacts.open_segment(str(tmp_path / "s"))


def test_manifest_that_is_not_json_is_refused(tmp_path):
    _write(tmp_path / "s")
    (tmp_path / "s" / artifacts.MANIFEST).write_text("{")
    with pytest.raises(types.UserError, match="is not JSON"):
        artifacts.open_segment(str(tmp_path / "s"))


def test_wrong_kind_is_refused(tmp_path):
    _write(tmp_path / "s", kind="vectors")
    with pytest.raises(types.UserError, match="holds 'vectors'; a 'blocks' segment is needed"):
        artifacts.open_segment(str(tmp_path / "s"), "blocks")


def test_fingerprint_is_of_the_contents_and_not_of_the_place(tmp_path):
    first = _write(tmp_path / "one")
    assert _write(tmp_path / "two").fingerprint == first.fingerprint
    other = _write(tmp_path / "three", files={"b.bin": b"bravo", "a.bin": b"Alpha"})
    assert other.fingerprint != first.fingerprint
    assert _write(tmp_path / "four", made_from={"tokenizer": "u"}).fingerprint != first.fingerprint


def test_tree_is_added_with_its_folders(tmp_path):
    writer = artifacts.SegmentWriter(str(tmp_path / "s"), kind="k", settings={}, made_from={})
    inner = tmp_path / "s" / "model" / "variables"
    inner.mkdir(parents=True)
    (inner / "v.index").write_bytes(b"1")
    (inner.parent / "graph.pb").write_bytes(b"22")
    writer.add_tree("model")
    names = [shard.name for shard in writer.commit().shards]
    assert names == ["model/graph.pb", "model/variables/v.index"]
    _flip(inner / "v.index", 0)
    with pytest.raises(types.UserError, match="is damaged"):
        artifacts.open_segment(str(tmp_path / "s"))


def _fail_halfway(place) -> None:
    with place as aside:
        pathlib.Path(aside).write_bytes(b"half")
        raise OSError("disk full")


def test_failed_file_is_neither_there_nor_in_the_segment(tmp_path):
    writer = artifacts.SegmentWriter(str(tmp_path / "s"), kind="k", settings={}, made_from={})
    with pytest.raises(OSError, match="disk full"):
        _fail_halfway(writer.file("a.bin"))
    assert os.listdir(tmp_path / "s") == []
    assert writer.commit().shards == ()


def test_atomic_path_keeps_the_old_file_when_writing_fails(tmp_path):
    target = tmp_path / "f"
    target.write_text("old")
    with pytest.raises(OSError, match="disk full"):
        _fail_halfway(artifacts.atomic_path(str(target)))
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_write_text_replaces(tmp_path):
    artifacts.write_text(str(tmp_path / "f"), "one")
    artifacts.write_text(str(tmp_path / "f"), "two é")
    assert (tmp_path / "f").read_text(encoding="utf-8") == "two é"
    assert os.listdir(tmp_path) == ["f"]


def test_read_json_names_what_is_wrong(tmp_path):
    with pytest.raises(types.UserError, match="No such file"):
        artifacts.read_json(str(tmp_path / "f"))
    (tmp_path / "f").write_text("[1,")
    with pytest.raises(types.UserError, match="is not JSON"):
        artifacts.read_json(str(tmp_path / "f"))


def test_recipe_path_depends_on_every_part():
    base = {"kind": "blocks", "settings": {"a": 1, "b": 2}, "made_from": {"t": "x"}}
    changes = (
        {},
        {"kind": "vectors"},
        {"settings": {"a": 1, "b": 3}},
        {"settings": {"a": 1}},
        {"made_from": {"t": "y"}},
        {"made_from": {"u": "x"}},
    )
    paths = [artifacts.recipe_path("/r", **{**base, **change}) for change in changes]
    assert len(set(paths)) == len(paths)
    assert all(os.path.dirname(path) == "/r" for path in paths)
    in_other_order = {"kind": "blocks", "settings": {"b": 2, "a": 1}, "made_from": {"t": "x"}}
    assert artifacts.recipe_path("/r", **in_other_order) == paths[0]
    assert os.path.basename(paths[0]).startswith("blocks-")


def test_require_same_names_both_parts():
    artifacts.require_same("tokenizer", ("vectors", "abc"), ("blocks", "abc"))
    with pytest.raises(types.UserError) as error:
        artifacts.require_same("tokenizer", ("/a/vectors", "abc"), ("/b/blocks", None))
    for part in ("/a/vectors", "/b/blocks", "tokenizer", "abc", "None"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("path", "remote"),
    [("/a/b", False), ("a", False), ("file:///a/b", False), ("gs://b/a", True)],
)
def test_is_remote(path, remote):
    assert artifacts.is_remote(path) is remote


def test_nothing_is_made_where_something_is_missing(tmp_path):
    there, missing = tmp_path / "root" / "there", tmp_path / "root" / "missing"
    _write(there)
    with artifacts.nothing_is_made(str(tmp_path / "root")):
        assert artifacts.is_complete(str(there))
        with pytest.raises(artifacts.NotMadeError):
            artifacts.is_complete(str(missing))
        assert not artifacts.is_complete(str(tmp_path / "root2" / "elsewhere"))
    assert not artifacts.is_complete(str(missing))


def test_another_version_of_a_format_is_refused_and_has_another_place(tmp_path, monkeypatch):
    recipe = {"settings": {}, "made_from": {}}
    path = artifacts.recipe_path(str(tmp_path), "vectors", **recipe)
    artifacts.SegmentWriter(path, kind="vectors", **recipe).commit()
    assert artifacts.open_segment(path, "vectors").schema_version == 1
    monkeypatch.setitem(segments._SCHEMA_VERSIONS, "vectors", 7)
    assert artifacts.recipe_path(str(tmp_path), "vectors", **recipe) != path
    message = "has version 1 of the format of 'vectors'; this release reads version 7"
    for kind in ("vectors", None):
        with pytest.raises(types.UserError, match=message):
            artifacts.open_segment(path, kind)
