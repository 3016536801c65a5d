# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The job that writes training examples: shards, counts, and that they can be read back."""

import pathlib

import pytest
import tensorflow as tf

from beam_jobs import make_examples
from beam_jobs.engine import job_folder, launch
from realm_tf import artifacts, types
from realm_tf.commands import inspect as inspect_command
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import example_records
from realm_tf.data.reference import tfrecords
from tests.beam_jobs import documents, jobs, kills
from tests.data import example_passages
from tests.text import vocabularies

LENGTHS = {"query_length": 48, "max_masks": 5, "block_length": 48}
SETTINGS = (
    *("ict.query_length=48", "pretrain.query_length=48"),
    *("pretrain.max_masks=5", "blocks.length=48"),
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> dict[str, str]:
    """Paths of the vocabulary, the blocks and the spans."""
    root = tmp_path_factory.mktemp("parts")
    vocab = documents.write_vocab(root)
    cut = jobs.build_blocks(
        documents.write(root / "a.jsonl", documents.records()),
        vocab=vocab,
        output_root=str(root),
        length=48,
        num_shards=3,
    )
    tagged = jobs.tag_spans(blocks=cut.path, vocab=vocab, output_root=str(root))
    return {"vocab": vocab, "blocks": cut.path, "spans": tagged.path}


def make(parts, root, task, *overrides, **kept) -> artifacts.Segment:
    overrides = (*SETTINGS, *overrides)
    return jobs.make_examples(
        **parts, output_root=str(root), task=task, overrides=overrides, **kept
    )


def read(segment: artifacts.Segment) -> list[bytes]:
    return [record for path in segment.files() for record in tfrecords.read(path)]


def opened(parts, *kinds) -> list[artifacts.Segment]:
    return [artifacts.open_segment(parts[kind], kind) for kind in kinds]


@pytest.mark.parametrize(
    ("task", "kinds"),
    [("masked", ("blocks", "spans")), ("ict", ("blocks",)), ("annotated", ("blocks", "spans"))],
)
def test_shards_hold_what_the_whole_table_gives(parts, tmp_path, task, kinds):
    made = make(parts, tmp_path, task)
    segments = opened(parts, *kinds)
    table = block_table.BlockTable.open(*segments)
    counts = example_records.Counts()
    options = example_records.Options(task, **LENGTHS)
    whole = list(example_records.make_records(table, vocabularies.tokenizer(), options, counts))
    assert read(made) == whole
    assert made.counts == counts
    assert len(made.files()) == 3
    assert [s.num_records for s in made.shards] == [
        len(list(tfrecords.read(p))) for p in made.files()
    ]
    expected = {segment.kind: segment.fingerprint for segment in segments}
    assert made.made_from == {**expected, "tokenizer": vocabularies.tokenizer().fingerprint}
    assert made.settings["task"] == task


def test_spans_of_other_blocks_are_refused(parts, tmp_path):
    other = example_passages.segments(tmp_path, example_passages.passages(seed=1, num_docs=4))
    mixed = {**parts, "blocks": other[0].path}
    with pytest.raises(types.UserError, match="do not belong together"):
        make(mixed, tmp_path / "out", "masked")


def test_a_complete_segment_is_not_made_again(parts, tmp_path, monkeypatch):
    made = make(parts, tmp_path, "masked")
    monkeypatch.setattr(make_examples, "MakeFn", None)
    assert make(parts, tmp_path, "masked", "ict.keep_probability=0.7") == made  # is of "ict" alone


def test_a_killed_job_goes_on(parts, tmp_path, monkeypatch):
    """What is done is kept, but for a shard whose file is gone."""
    made = make(parts, tmp_path / "a", "masked")
    done = kills.run_and_kill(
        monkeypatch,
        make_examples.MakeFn,
        lambda: make(parts, tmp_path / "b", "masked"),
        after=2,
    )
    (folder,) = (tmp_path / "b").glob("examples-*")
    (next(folder.glob(f"examples-{done[0]:05d}-*"))).unlink()
    first = list(done)
    again = make(parts, tmp_path / "b", "masked")
    assert again.fingerprint == made.fingerprint
    assert sorted(done[2:]) == sorted({0, 1, 2} - {first[1]})


def test_report_is_beside_the_segment(parts, tmp_path):
    made = make(parts, tmp_path, "masked")
    told = inspect_command.describe(job_folder.path_of(made.path))
    assert f"{int(made.counts['examples']):,}" in told
    assert "skipped_without_span" in told
    assert "[[" in told  # samples
    assert sorted(p.name for p in pathlib.Path(job_folder.path_of(made.path)).iterdir()) == [
        "report.json",
        "report.txt",
    ]


@pytest.mark.slow
def test_processes_write_the_same(parts, tmp_path):
    made = make(parts, tmp_path / "a", "masked")
    options = ["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    assert make(parts, tmp_path / "b", "masked", beam_args=options).fingerprint == made.fingerprint


def test_annotated_passages_are_read_back(parts, tmp_path):
    written = make(parts, tmp_path, "annotated")
    back = jobs.build(
        f"{written.path}/examples-*",
        format="realm-pretrain",
        vocab=parts["vocab"],
        output_root=str(tmp_path),
        length=48,
        num_shards=2,
    )
    source = opened(parts, "blocks", "spans")
    passages, again = (
        sorted(
            (p.block.title, p.block.text, p.block.token_ids.tolist(), p.spans)
            for p in example_passages.passages_in(*segments)
        )
        for segments in (source, back)
    )
    assert again == passages
    assert back.spans.counts["spans"] == source[1].counts["spans"] > 40


def test_tf_data_reads_them(parts, tmp_path):
    """The snippet of docs/data-formats.md."""
    segment = make(parts, tmp_path, "masked")
    features = {
        "query_word_ids": tf.io.FixedLenFeature([48], tf.int64),
        "query_mask": tf.io.FixedLenFeature([48], tf.int64),
        "mask_positions": tf.io.FixedLenFeature([5], tf.int64),
        "mask_targets": tf.io.FixedLenFeature([5], tf.int64),
        "mask_weights": tf.io.FixedLenFeature([5], tf.float32),
    }
    files = tf.data.Dataset.list_files(f"{segment.path}/examples-*.tfrecord", shuffle=False)
    examples = files.interleave(tf.data.TFRecordDataset, cycle_length=1)
    batches = examples.batch(4).map(lambda batch: tf.io.parse_example(batch, features))
    rows = sum(len(batch["mask_targets"]) for batch in batches)
    assert rows == segment.counts["examples"]


def test_examples_are_inspected(parts, tmp_path):
    segment = make(parts, tmp_path, "masked")
    told = inspect_command.describe(segment.path)
    assert "examples segment" in told
    assert "example 0  block " in told
    assert "skipped_without_span" in told
    last = int(segment.counts["examples"]) - 1
    shown = inspect_command.describe(segment.path, row=last)
    assert shown == f"example {last}  {example_records.describe(read(segment)[-1])}"
    with pytest.raises(types.UserError, match=f"has rows 0 to {last}"):
        inspect_command.describe(segment.path, row=last + 1)


def test_mistakes_are_told(parts, tmp_path):
    told = r"masked examples are made of blocks and their salient spans.* realm tag.*: --spans\.$"
    with pytest.raises(types.UserError, match=told):
        make({**parts, "spans": None}, tmp_path, "masked")
    with pytest.raises(types.UserError, match=r"gives no example: .*Are the lengths too small"):
        make(parts, tmp_path, "masked", "pretrain.query_length=3")
    assert not list(pathlib.Path(tmp_path).rglob(artifacts.MANIFEST))
    with pytest.raises(types.UserError, match=r"must be one of .* Received: 'mlm'"):
        make(parts, tmp_path, "mlm")


def test_it_can_be_launched_alone(parts, tmp_path):
    argv = [arg for name, path in parts.items() for arg in (f"--{name}", path)]
    argv += ["--task", "masked", "--output_root", str(tmp_path / "a")]
    argv += [f"--set={setting}" for setting in SETTINGS]
    made = launch.main(make_examples.make_examples, make_examples.Params, argv)
    assert made.fingerprint == make(parts, tmp_path / "b", "masked").fingerprint
