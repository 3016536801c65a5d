# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Passages are their blocks, in their order, with spans of whole wordpieces."""

import pathlib

import pytest

from beam_jobs import build_blocks, tag_spans
from realm_tf import artifacts, types
from realm_tf.data import block_packer, blocks
from realm_tf.text import salient, vocabulary
from tests.beam_jobs import documents
from tests.data import blocks_test
from tests.text import vocabularies


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("parts")
    vocab = documents.write_vocab(root)
    made = build_blocks.build_blocks(
        input=documents.write(root / "a.jsonl", documents.records()),
        vocab=vocab,
        output_root=str(root),
        length=48,
        num_shards=3,
    )
    return {"blocks": made.path, "vocab": vocab}


@pytest.fixture(scope="module")
def tagged(parts, tmp_path_factory) -> artifacts.Segment:
    return tag_spans.tag_spans(**parts, output_root=str(tmp_path_factory.mktemp("tagged")))


def pack(text: str) -> types.Block:
    packer = block_packer.BlockPacker(vocabularies.tokenizer(), length=64)
    (packed,) = packer.pack([types.Document("d", "", text)])
    (block,) = packed.blocks
    return block


def tag(text: str) -> tuple[list[tuple[str, list[str], str]], dict[str, int]]:
    """(text, wordpieces, label) of every span, and what was skipped."""
    tokenizer = vocabularies.tokenizer()
    passage, skipped = tag_spans.tag(pack(text), tokenizer.unk_id)
    found = [
        (
            text.encode()[s.byte_start : s.byte_limit].decode(),
            [tokenizer.vocab[i] for i in passage.block.token_ids[s.token_start : s.token_limit]],
            s.label,
        )
        for s in passage.spans
    ]
    return found, dict(skipped)


def test_span_is_the_wordpieces_of_its_text():
    found, skipped = tag("Né, Louis was in New York in May 1916.")
    assert found == [
        ("Louis", ["lou", "##is"], salient.NAME),
        ("New York", ["new", "york"], salient.NAME),
        ("May 1916", ["may", "1", "##9", "##1", "##6"], salient.DATE),
    ]
    assert skipped == {}


def test_span_that_cannot_be_predicted_is_skipped_and_counted():
    assert tag("They saw Жж and Warsaw.") == (
        [("Warsaw", ["warsaw"], salient.NAME)],
        {"unknown_wordpiece": 1},
    )


def test_segment_has_the_blocks_shards_and_order(parts, tagged):
    source = artifacts.open_segment(parts["blocks"])
    assert tagged.kind == "passages"
    assert [s.num_records for s in tagged.shards] == [s.num_records for s in source.shards[:-1]]
    for ours, theirs in zip(tagged.files(), source.files("blocks-"), strict=True):
        for passage, block in zip(blocks.read(ours), blocks.read(theirs), strict=True):
            assert blocks_test.same(passage.block, block)
            assert passage.spans == tag_spans.tag(block, vocabularies.tokenizer().unk_id)[0].spans


def test_segment_tells_how_it_was_made(parts, tagged):
    source = artifacts.open_segment(parts["blocks"])
    spans = sum(len(p.spans) for path in tagged.files() for p in blocks.read(path))
    assert tagged.counts["spans"] == spans > 40
    assert tagged.counts["blocks"] == source.counts["blocks"]
    assert tagged.made_from == {
        "blocks": source.fingerprint,
        "tokenizer": vocabularies.tokenizer().fingerprint,
    }
    assert tagged.settings["tagger"] == "rules"
    assert tagged.settings["vocab_size"] == len(vocabularies.small())


def test_same_fingerprint_under_another_root(parts, tagged, tmp_path):
    argv = ["--blocks", parts["blocks"], "--vocab", parts["vocab"]]
    again = tag_spans.run([*argv, "--output_root", str(tmp_path), "--tagger", "rules"])
    assert again.path != tagged.path
    assert again.fingerprint == tagged.fingerprint


def test_complete_segment_is_not_made_again(parts, tagged, monkeypatch):
    monkeypatch.setattr(tag_spans, "TagSpans", None)
    root = str(pathlib.Path(tagged.path).parent)
    assert tag_spans.tag_spans(**parts, output_root=root) == tagged


def test_another_vocabulary_is_refused(parts, tmp_path):
    other = vocabulary.write_segment(
        str(tmp_path), [*vocabularies.small(), "zebra"], lower_case=True
    ).path
    with pytest.raises(types.UserError, match="their tokenizer differs") as error:
        tag_spans.tag_spans(blocks=parts["blocks"], vocab=other, output_root=str(tmp_path))
    assert other in str(error.value)
    assert parts["blocks"] in str(error.value)


def test_unknown_tagger_is_refused(parts, tmp_path):
    with pytest.raises(types.UserError, match=r"Unknown tagger 'magic'\. Valid: rules"):
        tag_spans.tag_spans(**parts, output_root=str(tmp_path), tagger="magic")


def test_flipped_byte_is_refused(parts, tagged, tmp_path):
    copy = tmp_path / "blocks"
    copy.mkdir()
    for file in pathlib.Path(parts["blocks"]).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    shard = copy / blocks.shard_name(1, 3)
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(types.UserError, match="damaged"):
        tag_spans.tag_spans(blocks=str(copy), vocab=parts["vocab"], output_root=str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_processes_write_the_same(parts, tagged, tmp_path, workers):
    again = tag_spans.tag_spans(
        **parts,
        output_root=str(tmp_path),
        beam_args=["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"],
    )
    assert again.fingerprint == tagged.fingerprint
