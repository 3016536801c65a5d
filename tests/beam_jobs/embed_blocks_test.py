# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every block gets the vector that its embedder gives it, however the job is run."""

import gc
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from beam_jobs import embed_blocks
from beam_jobs.engine import job_folder, launch, outputs
from realm_tf import artifacts, config, types
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import index, retriever, snapshots, vectors
from realm_tf.text import packing
from tests.beam_jobs import corpus, jobs
from tests.retrieval import segments


@pytest.fixture
def parts(tmp_path):
    vocab, tokenizer = corpus.write_vocab(tmp_path)
    return {
        "vocab": vocab.path,
        "blocks": corpus.write_blocks(tmp_path, tokenizer.fingerprint).path,
        "embedder": segments.write_embedder(tmp_path, tokenizer=tokenizer.fingerprint).path,
        "output_root": str(tmp_path),
        "length": 64,
        "batch_size": 16,
    }


def one_by_one(parts, **kwargs) -> np.ndarray:
    """The oracle: every block alone, at full length, in the table's order."""
    embedder = artifacts.open_segment(parts["embedder"])
    embed_fn = retriever.load_embed_fn(embedder, "blocks")
    _, tokenizer = corpus.write_vocab(parts["output_root"])
    table = open_table(parts)
    rows = [
        embed_fn(
            packing.pack_blocks(
                table.take("title_ids", np.array([row])),
                table.take("token_ids", np.array([row])),
                parts["length"],
                tokenizer,
                **kwargs,
            )
        )
        for row in range(len(table))
    ]
    return np.concatenate(rows)


def open_table(parts) -> block_table.BlockTable:
    return block_table.BlockTable.open(artifacts.open_segment(parts["blocks"]))


def test_vectors_are_the_embedders_in_the_tables_order(parts):
    table = vectors.VectorTable.open(jobs.embed_blocks(**parts))
    np.testing.assert_allclose(table.load(), one_by_one(parts), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(table.block_ids, open_table(parts).block_ids)
    rows = [s.num_records for s in artifacts.open_segment(parts["blocks"]).shards]
    assert np.diff(table.shard_offsets).tolist() == rows


def test_blocks_are_packed_by_their_segments_template(parts):
    _, tokenizer = corpus.write_vocab(parts["output_root"])
    body = corpus.write_blocks(parts["output_root"], tokenizer.fingerprint, template="body")
    parts = {**parts, "blocks": body.path}
    table = vectors.VectorTable.open(jobs.embed_blocks(**parts))
    expected = one_by_one(parts, template="body")
    np.testing.assert_allclose(table.load(), expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected - one_by_one(parts)).max() > 0.1


def test_segment_says_what_it_was_made_from(parts):
    segment = jobs.embed_blocks(**parts)
    assert segment.made_from == {
        role: artifacts.open_segment(parts[role]).fingerprint for role in ("blocks", "embedder")
    }
    assert segment.settings == {"length": 64, "batch_size": 16, "dtype": "float32"}
    assert segment.counts == {"blocks": 60}
    artifacts.open_segment(segment.path, "vectors", verify=True)


def test_no_model_stays_in_the_launcher(parts):
    jobs.embed_blocks(**parts)
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, embed_blocks._Model)]


def test_float16(parts):
    table = vectors.VectorTable.open(jobs.embed_blocks(**parts, dtype="float16"))
    assert table.shards[0].dtype == np.float16
    np.testing.assert_allclose(table.load(), one_by_one(parts), rtol=2e-3, atol=1e-3)


def test_an_empty_shard_has_no_vectors_but_their_size(parts):
    _, tokenizer = corpus.write_vocab(parts["output_root"])
    few = corpus.write_blocks(parts["output_root"], tokenizer.fingerprint, count=2, num_shards=6)
    table = vectors.VectorTable.open(jobs.embed_blocks(**{**parts, "blocks": few.path}))
    assert len(table) == 2
    assert {shard.shape[1] for shard in table.shards} == {8}
    assert 0 in np.diff(table.shard_offsets)


def test_a_finished_segment_is_returned_at_once(parts):
    first = jobs.embed_blocks(**parts)
    files = [first.file(name) for name in os.listdir(first.path)]
    before = [os.stat(path).st_mtime_ns for path in files]
    assert jobs.embed_blocks(**parts) == first
    assert [os.stat(path).st_mtime_ns for path in files] == before


@pytest.mark.parametrize("resume", [True, False])
def test_a_killed_job_continues_where_it_stopped(parts, tmp_path, monkeypatch, resume):
    whole = jobs.embed_blocks(**{**parts, "output_root": str(tmp_path / "whole")})
    monkeypatch.setattr(outputs, "commit", _killed)
    with pytest.raises(RuntimeError, match="killed"):
        jobs.embed_blocks(**parts)
    monkeypatch.undo()
    (directory,) = tmp_path.glob("vectors-*")
    (directory / vectors.vectors_name(2, 4)).unlink()
    (directory / "half.tmp-1").write_bytes(b"half")
    lost = vectors.vectors_name(2, 4), vectors.ids_name(2, 4)
    kept = [directory / s.name for s in whole.shards if s.name not in lost]
    before = [path.stat().st_mtime_ns for path in kept]
    again = jobs.embed_blocks(**parts, resume=resume)
    assert ([path.stat().st_mtime_ns for path in kept] == before) == resume
    assert again.fingerprint == whole.fingerprint  # byte for byte: it is of the contents
    assert set(os.listdir(directory)) == {s.name for s in whole.shards} | {artifacts.MANIFEST}
    assert not os.path.exists(job_folder.path_of(again.path))


def test_a_job_that_was_killed_at_its_very_end_leaves_nothing(parts):
    made = jobs.embed_blocks(**parts)
    folder = job_folder.path_of(made.path)
    os.makedirs(f"{folder}/{embed_blocks.STEP}")
    assert jobs.embed_blocks(**parts) == made
    assert not os.path.exists(folder)


def _killed(*_):
    raise RuntimeError("killed")


def test_workers_do_not_change_the_result(parts, tmp_path):
    first = jobs.embed_blocks(**parts)
    args = [f"--{name}={parts[name]}" for name in ("blocks", "embedder", "vocab")]
    args += ["--set=blocks.length=64", "--set=retrieval.embed_batch_size=16"]
    beam_args = ["--", "--direct_running_mode=multi_threading", "--direct_num_workers=2"]
    argv = [*args, f"--output_root={tmp_path / 'other'}", *beam_args]
    second = launch.main(embed_blocks.embed_blocks, embed_blocks.Params, argv)
    assert second.path != first.path
    assert second.fingerprint == first.fingerprint


@pytest.mark.parametrize("wrong", ["embedder", "blocks"])
def test_another_tokenizer_is_refused(parts, wrong):
    make = {"embedder": segments.write_embedder, "blocks": corpus.write_blocks}[wrong]
    kwargs = {"tokenizer": "u" * 64} if wrong == "embedder" else {"tokenizer_fingerprint": "u" * 64}
    other = make(parts["output_root"], **kwargs).path
    with pytest.raises(types.UserError, match="their tokenizer differs") as error:
        jobs.embed_blocks(**{**parts, wrong: other})
    assert other in str(error.value)
    assert parts["vocab"] in str(error.value)


def test_a_diverged_embedder_is_refused(parts):
    embedder = artifacts.open_segment(parts["embedder"])
    module = segments.TableEmbedder()
    module.table.assign(tf.fill(module.table.shape, np.nan))
    path = f"{parts['output_root']}/diverged"
    writer = artifacts.SegmentWriter(
        path, kind="embedder", settings={}, made_from=embedder.made_from
    )
    tf.saved_model.save(
        module, f"{path}/{artifacts.SAVED_MODEL}", signatures={"blocks": module.signature()}
    )
    writer.add_tree(artifacts.SAVED_MODEL)
    writer.commit()
    with pytest.raises(types.UserError, match=r"The vector of block \d+ has infinite.*\)\.$"):
        jobs.embed_blocks(**{**parts, "embedder": path})


def test_batches_are_full_and_of_few_shapes(parts):
    shapes = set()

    def embed_fn(inputs):
        shapes.add(inputs.word_ids.shape)
        return np.zeros((len(inputs.word_ids), 2), np.float32)

    _, tokenizer = corpus.write_vocab(parts["output_root"])
    first = artifacts.open_segment(parts["blocks"]).files("blocks-")[0]
    table = block_table.BlockTable.of_shard(first)
    columns = table.ragged("title_ids"), table.ragged("token_ids")
    out = embed_blocks.embed(*columns, embed_fn, tokenizer, length=96, batch_size=4)
    assert out.shape == (len(table), 2)
    assert shapes == {(4, 32), (4, 64), (4, 96)}


def test_from_documents_to_blocks_found(parts, tmp_path):
    lines = [
        json.dumps({"id": f"d{i}", "title": name, "text": f"{name * 2} b. " * 3})
        for i, name in enumerate("abcdefghijklmnopqrst")
    ]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
    root, vocab = parts["output_root"], parts["vocab"]
    made = jobs.build_blocks(
        str(tmp_path / "*.jsonl"), vocab=vocab, output_root=root, length=32, num_shards=3
    )
    table = block_table.BlockTable.open(made)
    made_vectors = jobs.embed_blocks(**{**parts, "blocks": made.path, "length": 32})
    snapshot = snapshots.Snapshot.of(
        step=0,
        embedder=artifacts.open_segment(parts["embedder"]),
        vectors=made_vectors,
        index=index.build(root, made_vectors, config.RetrievalConfig()),
        blocks=made,
    )
    snapshots.publish(f"{root}/snapshots", snapshot)
    found = retriever.Retriever.open(snapshots.newest(f"{root}/snapshots"))
    _, tokenizer = corpus.write_vocab(root)
    queries = packing.pack_queries(table.take("token_ids", np.array([7, 2])), 32, tokenizer)
    values = vectors.VectorTable.open(made_vectors)
    scores = found.embed(queries) @ values.load().T
    rows = found(queries, 1).rows[:, 0]
    np.testing.assert_array_equal(rows, scores.argmax(axis=1))
    np.testing.assert_array_equal(values.block_ids, table.block_ids)
