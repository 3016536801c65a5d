# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Corpora of the original code become segments, record by record, or are refused by record."""

import json
import pathlib

import numpy as np
import pytest

from beam_jobs import build_blocks, build_blocks_preview
from beam_jobs.engine import outputs
from realm_tf import artifacts, types
from realm_tf.data.blocks import keys
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import masking
from realm_tf.retrieval import orqa_vectors, vectors
from tests.beam_jobs import documents, jobs, reference_corpora
from tests.data import example_passages
from tests.text import vocabularies


def take(root: pathlib.Path, pattern: str, fmt: str, **kept) -> build_blocks.Built:
    settings = {"length": 48, "num_shards": 3, **kept}
    return jobs.build(
        pattern,
        format=fmt,
        vocab=documents.write_vocab(root),
        output_root=str(root / "out"),
        **settings,
    )


def committed(root: pathlib.Path) -> list[pathlib.Path]:
    return list((root / "out").rglob(artifacts.MANIFEST))


@pytest.fixture(scope="module")
def orqa(tmp_path_factory) -> artifacts.Segment:
    root = tmp_path_factory.mktemp("orqa")
    blocks, spans = take(root, reference_corpora.write_orqa(root), "orqa")
    assert spans is None
    return blocks


def test_every_record_is_a_block_with_its_row(orqa):
    found = {
        json.loads(b.metadata)["orqa_row"]: (b.title, b.text)
        for b in example_passages.blocks_in(orqa)
    }
    assert found == {
        row: block for row, block in enumerate(reference_corpora.BLOCKS) if block[1].strip()
    }
    assert len({b.block_id for b in example_passages.blocks_in(orqa)}) == len(found)


def test_vectors_by_row_number_find_their_blocks(orqa, tmp_path):
    block_emb = np.arange(12, dtype=np.float32).reshape(6, 2)  # one record has no text
    made = orqa_vectors.write(str(tmp_path / "vectors"), block_emb, orqa.path, {})
    rows = [json.loads(b.metadata)["orqa_row"] for b in example_passages.blocks_in(orqa)]
    table = vectors.VectorTable.open(made)
    np.testing.assert_array_equal(table.load(), block_emb[rows])
    assert table.block_ids.tolist() == [b.block_id for b in example_passages.blocks_in(orqa)]


def test_segment_tells_how_it_was_made(orqa):
    found = example_passages.blocks_in(orqa)
    assert orqa.kind == "blocks"
    assert orqa.counts == {
        "records": 6,
        "duplicate_blocks": 1,
        "documents": 6,
        "documents_without_text": 1,
        "cut": 1,
        "with_other_wordpieces": 0,
        "blocks": 5,
        "sentences": sum(len(b.sentence_byte_start) for b in found),
        "tokens": sum(len(b.token_ids) for b in found),
    }
    assert orqa.settings["format"] == "orqa"
    assert orqa.settings["vocab_size"] == len(vocabularies.small())
    assert set(orqa.made_from) == {"tokenizer", "corpus"}


def test_both_formats_make_the_same_shards(orqa, tmp_path):
    pattern = reference_corpora.write_realm_blocks(tmp_path, num_files=4)
    assert take(tmp_path, pattern, "realm-blocks").blocks.shards == orqa.shards


def test_shards_are_sorted(orqa):
    for number, path in enumerate(orqa.files()):
        blocks = example_passages.blocks_in(path)
        places = [(b.doc_id, json.loads(b.metadata)["orqa_row"]) for b in blocks]
        assert places == sorted(places)
        assert all(keys.shard_of(doc_id, 3) == number for doc_id, _ in places)


def test_equal_texts_are_blocks_in_the_order_of_their_rows(tmp_path):
    """However their files are read, and in whatever order files come to a worker."""
    same = reference_corpora.realm_block("Warsaw", "A city.")
    for number in range(3):
        reference_corpora.write(tmp_path / f"docs-{number}", [same, same], compress=True)
    made = take(tmp_path, str(tmp_path / "docs-*"), "realm-blocks", num_shards=1).blocks
    found = example_passages.blocks_in(made)
    assert [json.loads(b.metadata)["orqa_row"] for b in found] == list(range(6))
    ids = [keys.block_id(b.doc_id, "Warsaw", "A city.", n) for n, b in enumerate(found)]
    assert [b.block_id for b in found] == ids


def test_dry_run_tells_of_ready_blocks(tmp_path):
    vocab = documents.write_vocab(tmp_path)
    params = build_blocks.Params(reference_corpora.write_orqa(tmp_path), vocab, "", "orqa")
    told = build_blocks_preview.preview(params, 4)
    counts = dict(line.split() for line in told.partition("counts\n")[2].splitlines()[:7])
    assert counts["records"] == counts["documents"] == "4"
    assert not committed(tmp_path)


def test_it_goes_on_as_any_other_segment(orqa, tmp_path):
    vocab = documents.write_vocab(tmp_path)
    table = block_table.BlockTable.open(orqa)
    assert len(table) == 5
    spans = jobs.tag_spans(blocks=orqa.path, vocab=vocab, output_root=str(tmp_path))
    assert spans.counts["spans"] > 0
    assert block_table.BlockTable.open(orqa, spans).total_spans == spans.counts["spans"]


def test_complete_segment_is_not_made_again(orqa, monkeypatch):
    monkeypatch.setattr(build_blocks._Job, "build", None)
    root = pathlib.Path(orqa.path).parents[1]
    assert take(root, str(root / "blocks.tfr"), "orqa") == (orqa, None)


def test_other_wordpieces_are_counted_and_told_if_they_are_the_rule(tmp_path, caplog):
    same = reference_corpora.realm_block("New York", "A city.")
    other = reference_corpora.realm_block("New York", "The city.", body_token_ids=[9, 9])
    few = reference_corpora.write(tmp_path / "few", [same, other], compress=True)
    assert take(tmp_path, few, "realm-blocks").blocks.counts["with_other_wordpieces"] == 1
    assert "other wordpieces than" not in caplog.text
    many = reference_corpora.write(tmp_path / "many", [same, other, other], compress=True)
    assert take(tmp_path, many, "realm-blocks").blocks.counts["with_other_wordpieces"] == 2
    assert "2 of 3 records were made with other wordpieces than" in caplog.text


PASSAGES = (
    ("New York", "Louis was né in May. He was in New York.", ["Louis", "New York", "ork"], {}),
    ("Warsaw", "Warsaw was a 川 city.", ["Warsaw", "川"], {"span_label": [b"LOC", b"MISC"]}),
    ("Chicago", "Chicago was new.", [], {}),
)


@pytest.fixture(scope="module")
def pretrain(tmp_path_factory) -> build_blocks.Built:
    root = tmp_path_factory.mktemp("pretrain")
    made = [reference_corpora.passage(*p[:3], **p[3]) for p in PASSAGES]
    return take(root, reference_corpora.write_pretrain(root, made), "realm-pretrain")


def test_given_spans_mark_their_blocks(pretrain):
    assert [segment.kind for segment in pretrain] == ["blocks", "spans"]
    found = {p.block.title: p for p in example_passages.passages_in(*pretrain)}
    spans = {
        title: [
            (p.block.text.encode()[s.byte_start : s.byte_limit].decode(), s.label) for s in p.spans
        ]
        for title, p in found.items()
    }
    assert spans == {
        "New York": [("Louis", "SPAN"), ("New York", "SPAN")],
        "Warsaw": [("Warsaw", "LOC")],
        "Chicago": [],
    }
    assert pretrain.spans.counts == {
        "blocks": 3,
        "spans": 3,
        "skipped_inside_wordpiece": 1,
        "skipped_unknown_wordpiece": 1,
    }
    assert pretrain.spans.made_from["blocks"] == pretrain.blocks.fingerprint


def test_complete_blocks_and_spans_are_not_made_again(pretrain, monkeypatch):
    monkeypatch.setattr(build_blocks._Job, "build", None)
    root = pathlib.Path(pretrain.blocks.path).parents[1]
    pattern = str(root / "wikipedia_annotated_with_dates_public*.tfrecord.gz")
    assert take(root, pattern, "realm-pretrain") == pretrain


def test_spans_that_were_not_committed_are_made_good(pretrain, tmp_path, monkeypatch):
    made = [reference_corpora.passage(*p[:3], **p[3]) for p in PASSAGES]
    pattern = reference_corpora.write_pretrain(tmp_path, made)

    def killed(*_):
        raise RuntimeError("killed")

    commit = outputs.commit
    monkeypatch.setattr(
        outputs, "commit", lambda w, *rest: (killed if "spans" in w.path else commit)(w, *rest)
    )
    with pytest.raises(RuntimeError, match="killed"):
        take(tmp_path, pattern, "realm-pretrain")
    monkeypatch.undo()
    again = take(tmp_path, pattern, "realm-pretrain")
    assert [s.fingerprint for s in again] == [s.fingerprint for s in pretrain]


def test_passages_are_masked_as_any_others(pretrain):
    table = block_table.BlockTable.open(*pretrain)
    tokenizer = vocabularies.tokenizer()
    spans, skipped = masking.eligible_spans(table, query_length=32, max_masks=10)
    assert len(spans) == 3
    assert set(skipped.values()) == {0}
    masked = {
        "".join(tokenizer.vocab[i] for i in masking.make(table, int(s), tokenizer).targets)
        for s in spans
    }
    assert masked == {"lou##is", "newyork", "warsaw"}


def test_passage_is_known_as_the_same_text_as_its_block(pretrain, tmp_path):
    blocks, _ = take(
        tmp_path,
        reference_corpora.write_realm_blocks(tmp_path, [p[:2] for p in PASSAGES]),
        "realm-blocks",
    )
    ids, marked_ids = (
        {block.doc_id for block in example_passages.blocks_in(segment)}
        for segment in (blocks, pretrain.blocks)
    )
    assert ids == marked_ids


def test_wrong_record_is_named_and_the_others_counted(tmp_path):
    good = reference_corpora.realm_block("T", "A city.")
    bad = reference_corpora.realm_block("T", "A city.", body=None)
    reference_corpora.write(tmp_path / "docs-0", [good, good], compress=True)
    reference_corpora.write(tmp_path / "docs-1", [good, bad, good, bad], compress=True)
    message = r'docs-1: record 1: the feature "body" is missing.* \(1 more bad records; all are in'
    with pytest.raises(types.UserError, match=message):
        take(tmp_path, str(tmp_path / "docs-*"), "realm-blocks")
    assert not committed(tmp_path)


def test_damaged_files_are_named(tmp_path):
    path = pathlib.Path(reference_corpora.write_orqa(tmp_path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(types.UserError, match=r"blocks\.tfr: record 5: the file is truncated"):
        take(tmp_path, str(path), "orqa")
    path.write_bytes(whole.replace(b"was born in May", b"was born in Mai"))
    with pytest.raises(types.UserError, match=r"blocks\.tfr: record 2: its checksum is wrong"):
        take(tmp_path, str(path), "orqa")
    assert not committed(tmp_path)


def test_wrong_arguments(tmp_path):
    with pytest.raises(types.UserError, match=r"The format must be .*realm-blocks, orqa.*'dpr'"):
        take(tmp_path, "*", "dpr")
    path = reference_corpora.write_orqa(tmp_path)
    with pytest.raises(types.UserError, match="num_shards must be from 0 to"):
        take(tmp_path, path, "orqa", num_shards=-1)
    with pytest.raises(types.UserError, match="length must be at least 16"):
        take(tmp_path, path, "orqa", length=3)


@pytest.mark.slow
def test_processes_write_the_same(orqa, tmp_path):
    again = take(
        tmp_path,
        reference_corpora.write_orqa(tmp_path),
        "orqa",
        beam_args=["--direct_running_mode=multi_processing", "--direct_num_workers=2"],
    )
    assert again.blocks.fingerprint == orqa.fingerprint


def test_two_blocks_with_one_id_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keys, "block_id", lambda *_: 7)
    blocks = [("a", "The war."), ("b", "The river.")]
    pattern = reference_corpora.write_realm_blocks(tmp_path, blocks)
    with pytest.raises(types.UserError, match="1 block ids are there twice, among them 7"):
        take(tmp_path, pattern, "realm-blocks")
    assert not committed(tmp_path)
