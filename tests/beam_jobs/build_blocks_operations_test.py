# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the blocks job works: bad records, resuming, a full disk, its report."""

import dataclasses
import datetime
import json
import os
import pathlib
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beam_jobs import (
    build_blocks,
    build_blocks_finish,
    build_blocks_pack,
    build_blocks_preview,
    build_blocks_sort,
)
from beam_jobs.engine import job_folder, outputs
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands import inspect as inspect_command
from realm_tf.data.blocks import shards
from realm_tf.data.blocks import table as block_table
from tests.beam_jobs import documents, jobs
from tests.data import example_passages

REPORT_FILES = {"report.json", "report.txt", "dead_letters.jsonl"}


def build(root, pattern, **kept) -> artifacts.Segment:
    output = {"vocab": documents.write_vocab(root), "output_root": str(root / "out")}
    return jobs.build_blocks(pattern, **{"length": 48, "num_shards": 3, **output, **kept})


def job(root) -> pathlib.Path:
    (path,) = (root / "out" / "jobs").iterdir()
    return path


def letters(root) -> list[dict]:
    return [json.loads(line) for line in (job(root) / "dead_letters.jsonl").open()]


def write_parts(root, count=40, parts=6) -> str:
    made = documents.records(count)
    for part in range(parts):
        documents.write(root / f"part-{part}.jsonl", made[part::parts])
    return str(root / "part-*.jsonl")


# Small items, so that a small corpus has many.
@pytest.fixture
def one_file_an_item(monkeypatch):
    monkeypatch.setattr(build_blocks_sort, "_ITEM_UNITS", 1)


def test_bad_records_are_put_aside_as_far_as_it_is_allowed(tmp_path):
    good = documents.records(9)[:8]
    path = documents.write(tmp_path / "a.jsonl", [*good[:4], "{", *good[4:], '{"id": 5}'])
    with pytest.raises(types.UserError, match=r"^.*a\.jsonl:5: .*1 more bad record"):
        build(tmp_path, path, jobs={"max_bad_fraction": 0.19})
    assert "too many bad records" in (job(tmp_path) / "report.txt").read_text()
    segment = build(tmp_path, path, jobs={"max_bad_fraction": 0.2})
    assert (segment.counts["bad_records"], segment.counts["documents"]) == (2, 8)
    found = letters(tmp_path)
    assert [(d["file"], d["record"], d["cause"]) for d in found] == [
        (path, 5, "unreadable"),
        (path, 10, "unreadable"),
    ]
    assert all(d["message"].startswith(f"{path}:{d['record']}: ") for d in found)
    clean = documents.write(tmp_path / "clean.jsonl", good)
    assert build(tmp_path / "x", clean).shards == segment.shards


def test_of_an_id_that_is_there_twice_the_first_document_stays(tmp_path):
    made = documents.records(6)[:5]
    again = {**made[1], "text": "The war was new."}
    path = documents.write(tmp_path / "a.jsonl", [*made, again])
    segment = build(tmp_path, path, jobs={"max_bad_fraction": 0.5})
    assert segment.counts["documents"] == 5
    (letter,) = letters(tmp_path)
    assert (letter["record"], letter["cause"]) == (6, "duplicate_id")
    clean = documents.write(tmp_path / "clean.jsonl", made)
    assert build(tmp_path / "x", clean).shards == segment.shards


def test_only_the_report_stays(tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records())
    segment = build(tmp_path, pattern)
    assert set(os.listdir(job(tmp_path))) == REPORT_FILES
    (job(tmp_path) / build_blocks_finish.MARKS).touch()  # the job was killed at its very end
    assert build(tmp_path, pattern) == segment
    assert set(os.listdir(job(tmp_path))) == REPORT_FILES
    assert not list(tmp_path.rglob("*.tmp-*"))
    text = inspect_command.describe(job_folder.path_of(segment.path))
    body = artifacts.read_json(str(job(tmp_path) / "report.json"))
    assert (
        body["counts"]["blocks"]
        == segment.counts["blocks"]
        == len(example_passages.blocks_in(segment))
    )
    assert body["dropped"] == {"no_text": 1}
    for name in ("bytes of a document", "bytes of a sentence", "wordpieces of a block"):
        assert name in text
    sizes = body["histograms"]["wordpieces of a block, with its title"]
    assert sum(sizes.values()) == segment.counts["blocks"]
    assert max(map(int, sizes)) <= 64
    ids = sorted(b.block_id for b in example_passages.blocks_in(segment))
    assert [int(sample["key"]) for sample in body["samples"]] == ids[:5]
    assert "no_text" in text
    assert body["samples"][0]["text"][:20] in text


def test_a_job_that_has_not_ended_has_no_report(tmp_path):
    (tmp_path / "jobs" / "blocks-12").mkdir(parents=True)
    with pytest.raises(types.UserError, match="the job has not ended"):
        inspect_command.describe(str(tmp_path / "jobs" / "blocks-12"))


@pytest.mark.parametrize(
    "step", [build_blocks_sort.SortFn, build_blocks_pack.PackFn, build_blocks_finish.FinishFn]
)
def test_a_job_that_fails_goes_on_where_it_stopped(tmp_path, monkeypatch, step, one_file_an_item):
    pattern = write_parts(tmp_path)
    whole = build(tmp_path / "whole", pattern)
    calls, work = [], step.work

    def counted(self, number, *item):
        calls.append(number)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return work(self, number, *item)

    monkeypatch.setattr(step, "work", counted)
    with pytest.raises(RuntimeError, match="killed"):
        build(tmp_path, pattern)
    assert not artifacts.is_complete(whole.path.replace("whole/", ""))
    assert len(calls) == 2
    segment = build(tmp_path, pattern)
    total = 6 if step is build_blocks_sort.SortFn else 3
    assert set(calls[2:]) == set(range(total)) - {calls[0]}  # the first is not done again
    assert segment == dataclasses.replace(whole, path=segment.path)
    assert set(os.listdir(segment.path)) == set(os.listdir(whole.path))


def test_without_resume_all_is_done_again(tmp_path, monkeypatch, one_file_an_item):
    pattern = write_parts(tmp_path)
    calls, work = [], build_blocks_sort.SortFn.work

    def counted(self, number, *item):
        calls.append(number)
        if len(calls) == 3:
            raise RuntimeError("killed")
        return work(self, number, *item)

    monkeypatch.setattr(build_blocks_sort.SortFn, "work", counted)
    with pytest.raises(RuntimeError, match="killed"):
        build(tmp_path, pattern)
    build(tmp_path, pattern, resume=False)
    assert sorted(calls[3:]) == list(range(6))


def test_a_damaged_shard_of_an_unfinished_job_is_made_again(tmp_path, monkeypatch):
    pattern = write_parts(tmp_path)
    whole = build(tmp_path / "whole", pattern)
    monkeypatch.setattr(outputs, "commit", None)
    with pytest.raises(TypeError):
        build(tmp_path, pattern)
    monkeypatch.undo()
    path = job(tmp_path).with_suffix("") / shards.name(1, 3)
    path.write_bytes(b"half")
    assert build(tmp_path, pattern).shards == whole.shards


def test_marks_name_the_first_block_of_a_text(tmp_path):
    text = "Louis was born in New York."
    rows = [{"id": str(i), "title": f"T{i}", "text": text} for i in range(3)]
    rows.append({"id": "x", "text": "It was a river."})
    segment = build(tmp_path, documents.write(tmp_path / "a.jsonl", rows))
    same = sorted(b.block_id for b in example_passages.blocks_in(segment) if b.text == text)
    table = block_table.BlockTable.open(segment)
    ids = table.block_ids.tolist()
    marks = {ids[row]: table.duplicate_of(row) for row in range(4)}
    (other,) = set(ids) - set(same)
    assert marks == {other: None, same[0]: None, same[1]: same[0], same[2]: same[0]}
    assert segment.counts["duplicate_blocks"] == 2
    shown = [inspect_command.describe(segment.path, row=row) for row in range(4)]
    marked = [s for s in shown if f"the same text as block {same[0]} of another document" in s]
    assert len(marked) == 2
    assert "the same text" in inspect_command.describe(segment.path)
    # Deleting the first document deletes nobody else's text.
    owner = next(b.doc_id for b in example_passages.blocks_in(segment) if b.block_id == same[0])
    rest = [row for row in rows if row["id"] != owner]
    again = build(tmp_path / "x", documents.write(tmp_path / "b.jsonl", rest))
    kept = {b.block_id for b in example_passages.blocks_in(segment) if b.doc_id != owner}
    assert {b.block_id for b in example_passages.blocks_in(again)} == kept


def test_overlap_is_part_of_the_recipe(tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records())
    plain = build(tmp_path, pattern)
    overlapping = build(tmp_path, pattern, overlap_sentences=1)
    assert overlapping.settings["overlap_sentences"] == 1
    assert overlapping.path != plain.path
    assert overlapping.counts["sentences"] > plain.counts["sentences"]


def test_dry_run_writes_nothing(tmp_path, monkeypatch):
    made = documents.records(12)
    path = documents.write(tmp_path / "a.jsonl", [*made[:3], "{", *made[3:], made[0]])
    vocab = documents.write_vocab(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    config = config_lib.load(None, ["blocks.length=48"])
    text = build_blocks_preview.preview(build_blocks.Params(path, vocab, "", config=config), 6)
    assert sorted(tmp_path.rglob("*")) == before
    assert "dry run" in text
    assert f"{path}:4" in text
    table = text.partition("counts\n")[2].partition("\n\n")[0]
    counts = dict(line.split() for line in table.splitlines())
    assert (counts["records"], counts["documents"]) == ("6", "5")
    packed = build(tmp_path, documents.write(tmp_path / "b.jsonl", made[:5]))
    assert int(counts["blocks"]) == packed.counts["blocks"]


@settings(max_examples=5, deadline=None)
@given(
    parts=st.integers(1, 5),
    items=st.integers(1, 3),
    run_kb=st.integers(1, 3),
    shuffled=st.permutations(documents.records(30)),
)
def test_shards_do_not_depend_on_how_the_work_is_cut(
    tmp_path_factory, parts, items, run_kb, shuffled
):
    root = tmp_path_factory.mktemp("cut")
    plain = build(root / "a", documents.write(root / "a.jsonl", documents.records(30)))
    for part in range(parts):
        documents.write(root / f"part-{part}.jsonl", shuffled[part::parts])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_blocks_sort, "_ITEM_UNITS", items)
        patch.setattr(build_blocks, "_MB", run_kb << 10)
        pattern = str(root / "part-*.jsonl")
        cut = build(root, pattern, jobs={"sort_mb": 1})
    assert cut.shards == plain.shards


@pytest.mark.slow
def test_processes_write_the_same(tmp_path, one_file_an_item):
    pattern = write_parts(tmp_path)
    plain = build(tmp_path / "plain", pattern)
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    assert build(tmp_path, pattern, beam_args=options).fingerprint == plain.fingerprint


@pytest.fixture
def small_disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield path
    subprocess.run(["umount", str(path)], check=True)


@pytest.mark.parametrize("kilobytes", [40, 140, 240])
def test_a_full_disk_is_one_line_and_the_job_goes_on(tmp_path, small_disk, kilobytes):
    made = documents.records(300)
    path = documents.write(tmp_path / "a.jsonl", made)
    whole = build(tmp_path, path)
    assert sum(s.num_bytes for s in whole.shards) > 100_000
    (small_disk / "filler").write_bytes(b"x" * (300_000 - kilobytes * 1000))
    vocab = documents.write_vocab(tmp_path)
    output = str(small_disk / "out")
    with pytest.raises(types.UserError) as error:
        build(tmp_path, path, output_root=output, vocab=vocab)
    message = str(error.value)
    assert "No space left on device" in message
    assert message.endswith("it goes on where it stopped.")
    assert "\n" not in message
    assert not list(small_disk.rglob(artifacts.MANIFEST))
    assert not list(small_disk.rglob("*.tmp-*"))
    (small_disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    again = build(tmp_path, path, output_root=output, vocab=vocab)
    assert again.fingerprint == whole.fingerprint


def test_a_disk_that_must_not_be_written_is_one_line(tmp_path, small_disk):
    path = documents.write(tmp_path / "a.jsonl", documents.records(3))
    vocab = documents.write_vocab(tmp_path)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(types.UserError, match=r"Read-only file system.* Give this user the right"):
        build(tmp_path, path, output_root=str(small_disk / "out"), vocab=vocab)


def test_declared_metadata_becomes_columns_and_other_types_dead_letters(tmp_path, caplog):
    rows = documents.records(9)[:8]
    rows[2]["n"] = "two"
    rows[3]["updated"] = "2024-05-31"
    reading = {"metadata_fields": {"n": "number", "updated": "date"}}
    path = documents.write(tmp_path / "a.jsonl", rows)
    with pytest.raises(types.UserError, match=r"a\.jsonl:3: \"n\" is of the type number"):
        build(tmp_path, path, reading=reading)
    segment = build(tmp_path, path, reading=reading, jobs={"max_bad_fraction": 0.2})
    (letter,) = letters(tmp_path)
    assert (letter["record"], letter["cause"]) == (3, "unreadable")
    assert segment.settings["metadata_fields"] == reading["metadata_fields"]
    assert segment.counts["metadata.n"] == segment.counts["blocks"]
    assert 0 < segment.counts["metadata.updated"] < segment.counts["blocks"]
    assert "No document" not in caplog.text
    build(
        tmp_path / "x", documents.write(tmp_path / "b.jsonl", documents.records(4)), reading=reading
    )
    assert "b.jsonl has a value of 'updated', which corpus.metadata_fields declares" in caplog.text
    table = block_table.BlockTable.open(segment)
    found = {}
    for chunk in table.chunks():
        columns = (chunk.column(f"metadata.{name}").to_pylist() for name in ("n", "updated"))
        for row, values in enumerate(zip(*columns, strict=True), start=chunk.first_row):
            found.setdefault(table.doc_id(row), set()).add(values)
    day = datetime.date(2024, 5, 31)
    others = [n for n in range(8) if n != 2]
    assert found == {f"doc-{n}": {(float(n), day if n == 3 else None)} for n in others}
