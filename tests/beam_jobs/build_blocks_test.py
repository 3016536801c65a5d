# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The blocks of a corpus do not depend on how it is cut into files, or on the workers."""

import os
import pathlib

import pyarrow as pa
import pytest

from beam_jobs import build_blocks
from beam_jobs.engine import launch
from realm_tf import artifacts, types
from realm_tf.data.blocks import keys, schema, shards
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.blocks import table as block_table
from realm_tf.data.corpus import formats as corpus_formats
from tests.beam_jobs import documents, jobs
from tests.data import example_passages
from tests.text import vocabularies


def build(root: pathlib.Path, pattern: str, **kept) -> artifacts.Segment:
    settings = {"length": 48, "num_shards": 3, **kept}
    vocab = documents.write_vocab(root)
    return jobs.build_blocks(pattern, vocab=vocab, output_root=str(root / "out"), **settings)


def document(row: dict) -> types.Document:
    metadata = artifacts.canonical_json({"n": row["n"]})
    return types.Document(row["id"], "a.jsonl", 1, row["title"], row["text"], metadata)


def committed(root: pathlib.Path) -> list[str]:
    return [str(path) for path in (root / "out").rglob(artifacts.MANIFEST)]


def contents(segment: artifacts.Segment) -> list[bytes]:
    return [pathlib.Path(path).read_bytes() for path in segment.files()]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> artifacts.Segment:
    root = tmp_path_factory.mktemp("built")
    return build(root, documents.write(root / "a.jsonl", documents.records()))


def test_blocks_are_the_packers(built):
    sources = list(map(document, documents.records()))
    packer = block_packer.BlockPacker(vocabularies.tokenizer(), length=48)
    expected = {b.block_id: b for packed in packer.pack(sources) for b in packed.blocks}
    found = example_passages.blocks_in(built)
    assert len(found) == len(expected) > len(sources)
    assert all(example_passages.same(block, expected[block.block_id]) for block in found)


def test_template_decides_what_fits(built, tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records())
    body = build(tmp_path, pattern, length=36, template="body")
    sources = list(map(document, documents.records()))
    packer = block_packer.BlockPacker(vocabularies.tokenizer(), length=36, template="body")
    expected = [b.block_id for made in packer.pack(sources) for b in made.blocks]
    assert sorted(b.block_id for b in example_passages.blocks_in(body)) == sorted(expected)
    with_titles = build(tmp_path, pattern, length=36)
    assert len(example_passages.blocks_in(with_titles)) > len(expected)
    assert (body.settings["template"], built.settings["template"]) == ("body", "title_body")
    assert with_titles.path != body.path


def test_shards_hold_their_documents_in_order(built):
    for number, path in enumerate(built.files("blocks-")):
        places = [(b.doc_id, b.doc_byte_start) for b in example_passages.blocks_in(path)]
        assert places == sorted(places)
        assert all(keys.shard_of(doc_id, 3) == number for doc_id, _ in places)


def test_segment_tells_how_it_was_made(built):
    found = example_passages.blocks_in(built)
    repeated, texts = built.counts["repeated_blocks"], [b.text for b in found]
    assert repeated > 0
    assert built.counts == {
        "records": 40,
        "dropped_no_text": 1,
        "bad_records": 0,
        "repeated_blocks": repeated,
        "duplicate_blocks": len(texts) - len(set(texts)),
        "documents": 39,
        "documents_without_text": 0,
        "blocks": len(found),
        "sentences": sum(len(b.sentence_byte_start) for b in found),
        "tokens": sum(len(b.token_ids) for b in found),
    }
    assert built.settings == {
        "length": 48,
        "template": "title_body",
        "language": "en",
        "overlap_sentences": 0,
        "num_shards": 3,
        "packing_version": keys.PACKING_VERSION,
        "vocab_size": len(vocabularies.small()),
    }
    assert set(built.made_from) == {"tokenizer", "corpus"}
    assert built.made_from["tokenizer"] == vocabularies.tokenizer().fingerprint
    assert [s.name for s in built.shards] == [shards.name(i, 3) for i in range(3)]
    assert sum(s.num_records for s in built.shards) == len(found)
    assert set(os.listdir(built.path)) == {s.name for s in built.shards} | {artifacts.MANIFEST}


def test_columns_have_the_smallest_types_that_hold_the_corpus(built, tmp_path):
    """Blocks of ordinary length have places of two bytes; the shortest ones, of one."""
    text = " ".join(documents.SENTENCES * 4)
    rows = [{"id": f"d{number}", "title": "T", "text": text} for number in range(3)]
    ordinary = build(tmp_path, documents.write(tmp_path / "a.jsonl", rows), length=288)
    blocks = example_passages.blocks_in(ordinary)
    assert max(len(block.text.encode()) for block in blocks) > 255
    assert max(len(block.text.encode()) for block in example_passages.blocks_in(built)) <= 255
    for segment, place in ((ordinary, pa.uint16()), (built, pa.uint8())):
        columns = [shards.columns(path) for path in segment.files()]
        assert columns == [schema.of_blocks(pa.uint16(), place)] * 3


def test_equal_texts_of_documents_name_the_first_of_them(built):
    table = block_table.BlockTable.open(built)
    texts = [table.text(row) for row in range(len(table))]
    ids = table.block_ids.tolist()
    first: dict[str, int] = {}
    for text, block_id in zip(texts, ids, strict=True):
        first[text] = min(block_id, first.get(text, block_id))
    expected = [None if first[t] == i else first[t] for t, i in zip(texts, ids, strict=True)]
    assert [table.duplicate_of(row) for row in range(len(table))] == expected
    marked = sum(mark is not None for mark in expected)
    assert 0 < marked == built.counts["duplicate_blocks"] < len(table)


def test_two_blocks_with_one_id_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "block_id", lambda *_args, **_kept: 7)
    pattern = documents.write(tmp_path / "a.jsonl", documents.records(3))
    with pytest.raises(types.UserError, match="block ids are there twice, among them 7"):
        build(tmp_path, pattern)
    assert not committed(tmp_path)


def test_cutting_into_files_changes_no_shard(built, tmp_path):
    made = documents.records()[::-1]
    documents.write(tmp_path / "x.jsonl", made[:7])
    documents.write(tmp_path / "y.jsonl", made[7:])
    again = build(tmp_path, str(tmp_path / "*.jsonl"))
    assert again.shards == built.shards
    assert contents(again) == contents(built)


def test_same_fingerprint_under_another_root(built, tmp_path):
    again = build(tmp_path, documents.write(tmp_path / "b.jsonl", documents.records()))
    assert again.fingerprint == built.fingerprint


def test_change_of_a_document_changes_no_other_shard_or_id(built, tmp_path):
    made = documents.records()
    made[0]["text"] = "The war. " + made[0]["text"]
    again = build(tmp_path, documents.write(tmp_path / "a.jsonl", made))
    changed = shards.name(keys.shard_of("doc-0", 3), 3)
    pairs = zip(built.shards, again.shards, strict=True)
    assert [a.name for a, b in pairs if a != b] == [changed]
    ids, ids_again = (
        {b.block_id for b in example_passages.blocks_in(segment) if b.doc_id != "doc-0"}
        for segment in (built, again)
    )
    assert ids == ids_again


def test_complete_segment_is_not_made_again(tmp_path, monkeypatch):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records(4))
    first = build(tmp_path, pattern)
    monkeypatch.setattr(build_blocks._Job, "build", None)
    assert build(tmp_path, pattern) == first


def test_what_a_killed_run_left_is_made_good(tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records(9))
    whole = build(tmp_path, pattern)
    os.remove(whole.file(artifacts.MANIFEST))
    pathlib.Path(whole.file(shards.name(1, 3))).write_bytes(b"half")
    assert build(tmp_path, pattern) == whole


def test_shards_without_documents_are_there(tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records(3)[:1])
    segment = build(tmp_path, pattern, num_shards=5)
    assert sorted(s.num_records for s in segment.shards) == [0, 0, 0, 0, 1]
    assert (
        len(block_table.BlockTable.open(artifacts.open_segment(segment.path, schema.BLOCKS))) == 1
    )


def test_every_mistake_is_counted_and_the_first_is_named(tmp_path):
    made = documents.records(5)
    documents.write(tmp_path / "a.jsonl", made)
    second = documents.write(tmp_path / "b.jsonl", [{"id": "z", "text": "a"}, "{", "[]", "5"])
    with pytest.raises(types.UserError) as error:
        build(tmp_path, str(tmp_path / "*.jsonl"))
    message = str(error.value)
    assert message.startswith(f"{second}:2: invalid JSON")
    (letters,) = (tmp_path / "out").glob("jobs/*/dead_letters.jsonl")
    assert f"(2 more bad records; all are in {letters}; of 9 records" in message
    assert "\n" not in message
    assert not committed(tmp_path)


def test_damaged_file_is_named(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(types.UserError, match=rf"^{path}: damaged compressed data"):
        build(tmp_path, str(path))
    assert not committed(tmp_path)


def test_id_that_is_there_twice_names_both_places(tmp_path):
    made = documents.records(5)
    first = documents.write(tmp_path / "a.jsonl", made)
    second = documents.write(tmp_path / "b.jsonl", [{"id": "other", "text": "x"}, made[3]])
    with pytest.raises(types.UserError) as error:
        build(tmp_path, str(tmp_path / "*.jsonl"))
    message = str(error.value)
    assert message.startswith(f"{second}:2: the id 'doc-3' was already given at {first}:4.")
    assert not committed(tmp_path)


@pytest.mark.parametrize("made", [[], [{"id": "1", "text": " "}]])
def test_corpus_without_text_is_refused(tmp_path, made):
    pattern = documents.write(tmp_path / "a.jsonl", made)
    with pytest.raises(types.UserError, match=r"No document of .* has text"):
        build(tmp_path, pattern)
    assert not committed(tmp_path)


def test_wrong_settings_are_refused_before_any_work(tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records(2))
    for settings in ({"length": 15}, {"num_shards": -1}):
        with pytest.raises(types.UserError, match=r"at least|from 0 to"):
            build(tmp_path, pattern, **settings)
    with pytest.raises(types.UserError, match="No file matches"):
        build(tmp_path, str(tmp_path / "nothing*.jsonl"))


def test_it_can_be_launched_alone(built, tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records())
    argv = ["--corpus", pattern, "--vocab", documents.write_vocab(tmp_path)]
    argv += ["--output_root", str(tmp_path), "--set", "blocks.length=48"]
    argv += ["--set", "blocks.num_shards=3", "--", "--direct_running_mode=in_memory"]
    segment, _ = launch.main(build_blocks.build_blocks, build_blocks.Params, argv)
    assert segment.fingerprint == built.fingerprint


def test_number_of_shards_follows_the_size_of_the_corpus(tmp_path, monkeypatch):
    made = documents.records(60)
    pattern = documents.write(tmp_path / "a.jsonl", made)
    assert build(tmp_path, pattern, num_shards=0).settings["num_shards"] == 1
    size = (tmp_path / "a.jsonl").stat().st_size
    monkeypatch.setattr(corpus_formats, "_SMALL_SHARD_BYTES", size // 3 + 1)
    assert build(tmp_path, pattern, num_shards=0).settings["num_shards"] == 3
    monkeypatch.setattr(corpus_formats, "_SMALL_SHARD_BYTES", 1)
    assert build(tmp_path, pattern, num_shards=0).settings["num_shards"] == 8
    monkeypatch.setattr(corpus_formats, "_SHARD_BYTES", size // 12 + 1)
    assert build(tmp_path, pattern, num_shards=0).settings["num_shards"] == 12


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_processes_write_the_same(built, tmp_path, workers):
    pattern = documents.write(tmp_path / "a.jsonl", documents.records())
    beam_args = ["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"]
    again = build(tmp_path, pattern, beam_args=beam_args)
    assert again.fingerprint == built.fingerprint
    assert contents(again) == contents(built)


@pytest.mark.slow
def test_mistake_in_a_process_is_the_users(tmp_path):
    pattern = documents.write(tmp_path / "a.jsonl", [*documents.records(5), "{"])
    beam_args = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    with pytest.raises(types.UserError, match=rf"^{pattern}:6: invalid JSON"):
        build(tmp_path, pattern, beam_args=beam_args)
