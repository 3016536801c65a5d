# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards map as they were written, in batches of a fixed number of rows, whatever came in."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re

import pyarrow as pa
import pytest

from realm_tf import artifacts, types
from realm_tf.data.blocks import keys, schema, shards
from tests.data import example_passages

DOCUMENT = pathlib.Path(__file__).parents[3] / "docs" / "data-formats.md"
COLUMNS = schema.of_blocks(pa.uint16(), pa.uint16())


@pytest.fixture(scope="module")
def passages() -> list[types.Passage]:
    return example_passages.passages(seed=0, num_docs=12)


def _batches(passages, sizes) -> list[pa.RecordBatch]:
    blocks, made = [passage.block for passage in passages], []
    for size in sizes:
        made.append(schema.block_batch(blocks[:size], COLUMNS))
        blocks = blocks[size:]
    return [*made, schema.block_batch(blocks, COLUMNS)]


@pytest.mark.parametrize("sizes", [[], [0, 1], [3, 4, 5], [7], [8], [1] * 9])
def test_batches_do_not_depend_on_how_rows_came(tmp_path, monkeypatch, passages, sizes):
    monkeypatch.setattr(shards, "ROWS", 4)
    path = str(tmp_path / "a.arrow")
    assert shards.write(path, _batches(passages, sizes), COLUMNS) == len(passages)
    found = shards.read(path)
    assert [batch.num_rows for batch in found[:-1]] == [4] * (len(found) - 1)
    assert 1 <= found[-1].num_rows <= 4
    ids = [i for batch in found for i in batch.column("block_id").to_pylist()]
    assert ids == [passage.block.block_id for passage in passages]
    other = str(tmp_path / "b.arrow")
    shards.write(other, _batches(passages, [2, 2]), COLUMNS)
    digests = [hashlib.sha256(open(p, "rb").read()).hexdigest() for p in (path, other)]  # noqa: SIM115
    assert digests[0] == digests[1]


def test_empty_shard(tmp_path):
    path = str(tmp_path / "a.arrow")
    assert shards.write(path, [], COLUMNS) == 0
    assert shards.read(path) == []
    assert shards.columns(path) == COLUMNS


def test_anyone_can_open_a_shard(tmp_path, capsys, passages):
    """The snippet of docs/data-formats.md."""
    path = str(tmp_path / "a.arrow")
    shards.write(path, _batches(passages, []), COLUMNS)
    text = DOCUMENT.read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(import pyarrow.*?)```", text, re.DOTALL)
    exec(re.sub(r'"out/.*?\.arrow"', repr(path), snippet))
    assert repr(passages[0].block.title) in capsys.readouterr().out


def test_segments_are_sorted_and_do_not_depend_on_order_or_root(tmp_path, passages):
    blocks, spans = example_passages.segments(tmp_path / "a", passages, num_shards=3)
    assert blocks.counts["blocks"] == spans.counts["blocks"] == len(passages)
    assert spans.made_from["blocks"] == blocks.fingerprint
    for number, path in enumerate(blocks.files()):
        assert os.path.basename(path) == shards.name(number, 3)
        rows = [row for batch in shards.read(path) for row in batch.to_pylist()]
        places = [(row["doc_id"], row["doc_byte_start"]) for row in rows]
        assert places == sorted(places)
        assert all(keys.shard_of(doc_id, 3) == number for doc_id, _ in places)
    again = example_passages.segments(tmp_path / "b", passages[::-1], num_shards=3)
    assert [s.fingerprint for s in again] == [blocks.fingerprint, spans.fingerprint]


def test_damage_is_refused(tmp_path, passages):
    blocks, _ = example_passages.segments(tmp_path, passages)
    path = blocks.files()[0]
    with open(path, "r+b") as f:
        f.seek(200)
        byte = f.read(1)[0]
        f.seek(200)
        f.write(bytes([byte ^ 1]))
    with pytest.raises(types.UserError, match="damaged"):
        artifacts.open_segment(blocks.path)
    os.truncate(path, os.path.getsize(path) - 50)
    with pytest.raises(types.UserError, match="is damaged or no Arrow file"):
        shards.read(path)
    os.remove(path)
    with pytest.raises(types.UserError, match="No such shard"):
        shards.read(path)


def test_head(tmp_path, passages):
    blocks, spans = example_passages.segments(tmp_path / "a", passages)
    first, marks = shards.head(blocks, spans, 5, str(tmp_path / "b"))
    assert first.counts["blocks"] == marks.counts["blocks"] == 5
    assert marks.made_from["blocks"] == first.fingerprint
    assert shards.head(blocks, None, 10_000, str(tmp_path / "c"))[0].counts == blocks.counts


def test_missing_metadata_does_not_make_bytes_depend_on_how_rows_came(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "ROWS", 6)
    fields = {"year": "number", "lang": "string", "updated": "date"}
    columns = schema.of_blocks(pa.uint16(), pa.uint16(), fields)
    given = [None, {"year": 1, "lang": "é", "updated": "2024-01-02"}, {"lang": "de"}, {"year": 2}]
    made = example_passages.passages(seed=0, num_docs=12)
    blocks = [
        dataclasses.replace(passage.block, metadata=json.dumps(given[n // 5 % 4] or {}))
        for n, passage in enumerate(made)
    ]
    digests = set()
    for size in (1, 2, 5, 7, len(blocks)):
        batches = [
            schema.block_batch(blocks[start : start + size], columns)
            for start in range(0, len(blocks), size)
        ]
        path = str(tmp_path / f"{size}.arrow")
        shards.write(path, batches, columns)
        digests.add(artifacts.file_sha256(path)[0])
        found = pa.Table.from_batches(shards.read(path)).column("metadata.year").to_pylist()
        assert found == [(given[n // 5 % 4] or {}).get("year") for n in range(len(blocks))]
    assert len(digests) == 1
