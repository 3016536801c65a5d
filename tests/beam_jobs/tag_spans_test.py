# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Spans are those of their blocks, in their order, of whole wordpieces."""

import json
import pathlib
import subprocess
import sys

import pytest

from beam_jobs import tag_spans, tag_spans_taggers
from beam_jobs.engine import job_folder, launch, outputs
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.blocks import schema, shards
from realm_tf.text import dates, salient, vocabulary
from realm_tf.text import tokenizer as tokenizers
from tests.beam_jobs import documents, jobs
from tests.data import example_passages
from tests.models import taggers
from tests.text import vocabularies

_ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("parts")
    vocab = documents.write_vocab(root)
    made = jobs.build_blocks(
        documents.write(root / "a.jsonl", documents.records()),
        vocab=vocab,
        output_root=str(root),
        length=48,
        num_shards=3,
    )
    return {"blocks": made.path, "vocab": vocab}


@pytest.fixture(scope="module")
def tagger(tmp_path_factory) -> artifacts.Segment:
    """One with another vocabulary than the blocks'."""
    vocab = [*vocabularies.small(), "louis"]
    tag_of = {"warsaw": "B-LOC", "new": "B-LOC", "york": "I-LOC", "louis": "B-PER", "lou": "O"}
    root = tmp_path_factory.mktemp("tagger")
    return taggers.segment(root, tokenizers.Tokenizer(vocab), tag_of)


@pytest.fixture(scope="module")
def tagged(parts, tmp_path_factory) -> artifacts.Segment:
    return jobs.tag_spans(**parts, output_root=str(tmp_path_factory.mktemp("tagged")))


def passages_of(parts, spans: artifacts.Segment) -> list[types.Passage]:
    return example_passages.passages_in(artifacts.open_segment(parts["blocks"]), spans)


def pack(text: str) -> types.Block:
    packer = block_packer.BlockPacker(vocabularies.tokenizer(), length=64)
    (packed,) = packer.pack([types.Document("d", "a.jsonl", 1, "", text, "{}")])
    (block,) = packed.blocks
    return block


def tag(text: str) -> tuple[list[tuple[str, list[str], str]], dict[str, int]]:
    """(text, wordpieces, label) of every span, and what was skipped."""
    tokenizer = vocabularies.tokenizer()
    passage, skipped = _by_rules(pack(text))
    found = [
        (
            text.encode()[s.byte_start : s.byte_limit].decode(),
            [tokenizer.vocab[i] for i in passage.block.token_ids[s.token_start : s.token_limit]],
            s.label,
        )
        for s in passage.spans
    ]
    return found, skipped


def _by_rules(block):
    (found,) = tag_spans_taggers.tag_by_rules([block])
    tally = job_report.Tally()
    return tag_spans.to_passage(block, found, vocabularies.tokenizer().unk_id, tally), tally.dropped


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
    assert tagged.kind == "spans"
    assert [s.name for s in tagged.shards] == [shards.name(i, 3, schema.SPANS) for i in range(3)]
    assert [s.num_records for s in tagged.shards] == [s.num_records for s in source.shards]
    passages = passages_of(parts, tagged)
    assert len(passages) == source.counts["blocks"]
    assert all(passage.spans == _by_rules(passage.block)[0].spans for passage in passages)


def test_places_have_the_type_of_the_blocks(parts, tagged):
    source = artifacts.open_segment(parts["blocks"])
    place = schema.byte_type_of(shards.columns(source.files()[0]))
    assert [shards.columns(path) for path in tagged.files()] == [schema.of_spans(place)] * 3


def test_segment_tells_how_it_was_made(parts, tagged):
    source = artifacts.open_segment(parts["blocks"])
    spans = sum(len(passage.spans) for passage in passages_of(parts, tagged))
    assert tagged.counts["spans"] == spans > 40
    by_label = [tagged.counts[f"spans_{label}"] for label in (salient.NAME, salient.DATE)]
    assert sum(by_label) == spans > max(by_label)
    assert tagged.counts["skipped_overlapping"] == 0
    assert tagged.counts["blocks"] == source.counts["blocks"]
    assert tagged.made_from == {
        "blocks": source.fingerprint,
        "tokenizer": vocabularies.tokenizer().fingerprint,
    }
    assert tagged.settings["tagger"] == "rules"
    assert tagged.settings["vocab_size"] == len(vocabularies.small())
    assert tagged.settings["dates"] == "en"


def test_date_rules_are_chosen_and_told(parts, tagged, tmp_path):
    none = jobs.tag_spans(**parts, output_root=str(tmp_path), dates="none")
    assert none.settings["dates"] == "none"
    assert "spans_DATE" not in none.counts
    own = tmp_path / "own.yaml"
    own.write_text("language: xx\ndates: ['1916']\n")
    made = jobs.tag_spans(**parts, output_root=str(tmp_path), dates=str(own))
    assert made.settings["dates"] == "xx"
    assert 0 < made.counts["spans_DATE"] <= tagged.counts["spans_DATE"]
    own.write_text("language: xx\ndates: ['1917']\n")
    dates.load.cache_clear()
    assert jobs.tag_spans(**parts, output_root=str(tmp_path), dates=str(own)).path != made.path
    with pytest.raises(
        types.UserError, match="dates must be de, en or none, or the path of your own rules"
    ):
        jobs.tag_spans(**parts, output_root=str(tmp_path), dates="xx")


def test_same_fingerprint_under_another_root(parts, tagged, tmp_path):
    argv = ["--blocks", parts["blocks"], "--vocab", parts["vocab"]]
    argv += ["--output_root", str(tmp_path), "--set", "tagging.tagger=rules"]
    again = launch.main(tag_spans.tag_spans, tag_spans.Params, argv)
    assert again.path != tagged.path
    assert again.fingerprint == tagged.fingerprint


def test_complete_segment_is_not_made_again(parts, tagged, monkeypatch):
    monkeypatch.setattr(tag_spans, "TagFn", None)
    root = str(pathlib.Path(tagged.path).parent)
    assert jobs.tag_spans(**parts, output_root=root) == tagged


def test_another_vocabulary_is_refused(parts, tmp_path):
    other = vocabulary.write_segment(
        str(tmp_path), [*vocabularies.small(), "zebra"], lower_case=True
    ).path
    with pytest.raises(types.UserError, match="their tokenizer differs") as error:
        jobs.tag_spans(blocks=parts["blocks"], vocab=other, output_root=str(tmp_path))
    assert other in str(error.value)
    assert parts["blocks"] in str(error.value)


def test_unknown_tagger_is_refused(parts, tmp_path):
    with pytest.raises(types.UserError, match=r"The tagger must be .* Received: 'magic'"):
        jobs.tag_spans(**parts, output_root=str(tmp_path), tagger="magic")
    with pytest.raises(types.UserError, match="a 'span_tagger' segment is needed"):
        jobs.tag_spans(**parts, output_root=str(tmp_path), tagger=parts["vocab"])


def _model_tagged(parts, tagger, root, *beam_args):
    return jobs.tag_spans(**parts, output_root=str(root), tagger=tagger.path, beam_args=beam_args)


def test_tagger_of_another_vocabulary(parts, tagger, tmp_path):
    made = _model_tagged(parts, tagger, tmp_path)
    assert made.settings["tagger"] == "span_tagger"
    assert made.made_from["span_tagger"] == tagger.fingerprint
    tokenizer, texts = vocabularies.tokenizer(), set()
    for passage in passages_of(parts, made):
        for s in passage.spans:
            text = passage.block.text.encode()[s.byte_start : s.byte_limit].decode()
            pieces = passage.block.token_ids[s.token_start : s.token_limit]
            texts.add((text, " ".join(tokenizer.vocab[i] for i in pieces), s.label))
    assert texts == {
        ("Warsaw", "warsaw", "LOC"),
        ("new", "new", "LOC"),
        ("New York", "new york", "LOC"),
        ("Louis", "lou ##is", "PER"),
        ("May 1916", "may 1 ##9 ##1 ##6", "DATE"),
        ("1871", "1 ##8 ##7 ##1", "DATE"),
    }
    by_label = {n: made.counts[f"spans_{n}"] for n in ("LOC", "PER", "DATE")}
    assert sum(by_label.values()) == made.counts["spans"] > max(by_label.values())


def test_window_does_not_matter(parts, tagger, tmp_path, monkeypatch):
    made = _model_tagged(parts, tagger, tmp_path / "a")
    monkeypatch.setattr(tag_spans, "_WINDOW_BLOCKS", 3)
    assert _model_tagged(parts, tagger, tmp_path / "b").fingerprint == made.fingerprint


@pytest.mark.slow
def test_processes_with_a_model_write_the_same(parts, tagger, tmp_path):
    made = _model_tagged(parts, tagger, tmp_path / "a")
    options = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    assert _model_tagged(parts, tagger, tmp_path / "b", *options).fingerprint == made.fingerprint


def test_flipped_byte_is_refused(parts, tagged, tmp_path):
    copy = tmp_path / "blocks"
    copy.mkdir()
    for file in pathlib.Path(parts["blocks"]).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    shard = copy / shards.name(1, 3)
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(types.UserError, match="damaged"):
        jobs.tag_spans(blocks=str(copy), vocab=parts["vocab"], output_root=str(tmp_path))


def test_only_the_report_stays(parts, tagged):
    folder = pathlib.Path(job_folder.path_of(tagged.path))
    assert {path.name for path in folder.iterdir()} == {"report.json", "report.txt"}
    report = json.loads((folder / "report.json").read_text())
    assert report["counts"]["spans"] == tagged.counts["spans"]
    assert sum(report["histograms"]["wordpieces of a span"].values()) == tagged.counts["spans"]
    assert sum(report["histograms"]["spans of a block"].values()) == tagged.counts["blocks"]
    samples = {sample["key"]: sample["spans"] for sample in report["samples"]}
    smallest = min(passages_of(parts, tagged), key=lambda passage: passage.block.block_id)
    assert samples[f"{smallest.block.block_id:020}"] == "; ".join(
        f"{smallest.block.text[s.byte_start : s.byte_limit]} [{s.label}]" for s in smallest.spans
    )


@pytest.mark.parametrize("resume", [True, False])
def test_killed_job_goes_on_where_it_stopped(parts, tagged, tmp_path, monkeypatch, resume):
    calls, work = [], tag_spans.TagFn.work

    def counted(self, number, *item):
        calls.append(number)
        if len(calls) == 2:
            raise RuntimeError("killed")
        return work(self, number, *item)

    monkeypatch.setattr(tag_spans.TagFn, "work", counted)
    with pytest.raises(RuntimeError, match="killed"):
        jobs.tag_spans(**parts, output_root=str(tmp_path))
    made = jobs.tag_spans(**parts, output_root=str(tmp_path), resume=resume)
    assert made.fingerprint == tagged.fingerprint
    assert set(calls[2:]) == {0, 1, 2} - ({calls[0]} if resume else set())


def test_shard_that_was_damaged_after_the_kill_is_made_again(parts, tagged, tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "commit", _killed)
    with pytest.raises(RuntimeError, match="killed"):
        jobs.tag_spans(**parts, output_root=str(tmp_path))
    monkeypatch.undo()
    (directory,) = tmp_path.glob("spans-*")
    shard = directory / shards.name(1, 3, schema.SPANS)
    shard.write_bytes(shard.read_bytes()[:-3])
    made = jobs.tag_spans(**parts, output_root=str(tmp_path))
    assert made.fingerprint == tagged.fingerprint


def _killed(*args):
    raise RuntimeError("killed")


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_processes_write_the_same(parts, tagged, tmp_path, workers):
    again = jobs.tag_spans(
        **parts,
        output_root=str(tmp_path),
        beam_args=["--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"],
    )
    assert again.fingerprint == tagged.fingerprint


@pytest.mark.slow
def test_job_with_a_model_ends_quietly(parts, tagger, tmp_path):
    command = [sys.executable, "-m", "beam_jobs.tag_spans", "--output_root", str(tmp_path)]
    command += ["--blocks", parts["blocks"], "--vocab", parts["vocab"]]
    command += ["--set", f"tagging.tagger={tagger.path}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=_ROOT)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
