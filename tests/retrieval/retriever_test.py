# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A retriever embeds with its snapshot's embedder and searches its index."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from realm_tf import types
from realm_tf.retrieval import index, retriever, snapshots, vectors
from tests.retrieval import segments


def make_queries(batch=3, length=6):
    ids = np.random.default_rng(0).integers(1, 64, (batch, length)).astype(np.int32)
    mask = (np.arange(length) < [[length]] * (batch - 1) + [[2]]).astype(np.int32)
    return types.EncoderInputs(ids, mask, np.zeros_like(ids))


@pytest.fixture
def snapshot(tmp_path):
    return snapshots.Snapshot.of(step=4, **segments.write_parts(tmp_path, step=4))


def expected_vectors(snapshot, queries):
    table = segments.TableEmbedder(seed=snapshot.step).table.numpy()
    weights = queries.mask[..., None].astype(np.float32)
    return (table[queries.word_ids] * weights).sum(1) / weights.sum(1)


def test_retriever_of_a_snapshot(snapshot):
    queries = make_queries()
    found = retriever.Retriever.open(snapshot)(queries, 5)
    table = vectors.VectorTable.open(snapshot.segment("vectors"))
    scores = expected_vectors(snapshot, queries) @ table.load().T
    rows = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.scores, np.take_along_axis(scores, rows, 1), rtol=1e-4)


def test_embeddings_do_not_depend_on_padding(snapshot):
    found = retriever.Retriever.open(snapshot)
    queries = make_queries()
    longer = types.EncoderInputs(*(np.pad(array, ((0, 0), (0, 9))) for array in queries))
    assert found.step == 4
    np.testing.assert_allclose(found.embed(queries), found.embed(longer), rtol=1e-5)


def test_retriever_of_given_parts(snapshot):
    table = vectors.VectorTable.open(snapshot.segment("vectors"))
    made = retriever.Retriever(
        embed_fn=lambda queries: np.eye(8, dtype=np.float32)[queries.word_ids[:, 0]],
        index=index.exact(table),
        step=9,
    )
    queries = types.EncoderInputs(*(np.array([[2], [7]], np.int32),) * 3)
    np.testing.assert_array_equal(made(queries, 1).rows[:, 0], table.load()[:, [2, 7]].argmax(0))


def test_a_background_thread_retrieves_the_same(snapshot):
    made, results = retriever.Retriever.open(snapshot), []
    thread = threading.Thread(target=lambda: results.append(made(make_queries(), 5)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(results[0].rows, made(make_queries(), 5).rows)


def test_changed_parts_are_refused(snapshot):
    os.truncate(snapshot.segment("embedder").file("saved_model/saved_model.pb"), 10)
    with pytest.raises(types.UserError, match="is damaged"):
        retriever.Retriever.open(snapshot)


def test_missing_signature_is_named(snapshot):
    with pytest.raises(types.UserError, match=r"no signature 'answers'.*\['blocks', 'queries'\]"):
        retriever.load_embed_fn(snapshot.segment("embedder"), "answers")


@pytest.mark.slow
def test_a_fresh_process_needs_no_model_code(snapshot, tmp_path):
    snapshots.publish(str(tmp_path / "snapshots"), snapshot)
    code = (
        "import sys, numpy as np\n"
        "from realm_tf import types\n"
        "from realm_tf.retrieval import retriever, snapshots\n"
        "r = retriever.Retriever.open(snapshots.newest(sys.argv[1]))\n"
        "q = types.EncoderInputs(*[np.ones((1, 2), np.int32)] * 3)\n"
        "assert r(q, 2).rows.shape == (1, 2)\n"
        "sys.exit('official' in sys.modules or 'realm_tf.models' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "snapshots")], check=True)
