# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Documents come back sorted, shard by shard, however small the runs and the buffers."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realm_tf import types
from realm_tf.data.blocks import keys
from realm_tf.data.corpus import sorted_runs

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
DOCUMENT = st.builds(
    types.Document,
    doc_id=st.text("abé中", min_size=1, max_size=2),
    file=st.sampled_from(["a", "b"]),
    number=st.integers(-(1 << 63), (1 << 63) - 1),
    title=TEXT,
    text=TEXT,
    metadata=st.just("{}"),
)


def sort(root, documents, *, num_shards, run_bytes) -> list[sorted_runs.Run]:
    sorter = sorted_runs.Sorter(
        lambda run: os.path.join(root, str(run)), num_shards=num_shards, run_bytes=run_bytes
    )
    for document in documents:
        sorter.add(document)
    return sorter.finish()


def merged(runs, num_shards) -> list[list[types.Document]]:
    return [list(sorted_runs.merge(sorted_runs.slices(runs, i))) for i in range(num_shards)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(DOCUMENT, max_size=30, unique_by=lambda d: d[:3]),
    st.integers(1, 4),
    st.integers(1, 300),
)
def test_shards_come_back_sorted_and_whole(tmp_path_factory, documents, num_shards, run_bytes):
    root = tmp_path_factory.mktemp("runs")
    runs = sort(root, documents, num_shards=num_shards, run_bytes=run_bytes)
    ordered = sorted(documents)
    expected = [
        [d for d in ordered if keys.shard_of(d.doc_id, num_shards) == shard]
        for shard in range(num_shards)
    ]
    assert merged(runs, num_shards) == expected
    assert len(os.listdir(root)) == len(runs)


def test_a_run_is_written_when_it_is_full(tmp_path):
    documents = [types.Document(str(i), "a", i, "", "x" * 1000, "{}") for i in range(9)]
    runs = sort(tmp_path, documents, num_shards=2, run_bytes=3000)
    assert len(runs) == 3
    assert [os.path.getsize(run.path) for run in runs] == [run.offsets[-1] for run in runs]
    assert sort(tmp_path, [], num_shards=2, run_bytes=3000) == []


def test_documents_larger_than_the_buffer(tmp_path, monkeypatch):
    monkeypatch.setattr(sorted_runs, "_MIN_BUFFER_BYTES", 7)
    monkeypatch.setattr(sorted_runs, "_MAX_BUFFER_BYTES", 7)
    documents = [types.Document(str(i), "a", i, "é", "中" * 50, "{}") for i in range(5)]
    runs = sort(tmp_path, documents, num_shards=1, run_bytes=1 << 20)
    assert merged(runs, 1) == [documents]


def test_a_run_that_lost_its_end_is_no_silent_gap(tmp_path):
    documents = [types.Document(str(i), "a", i, "", "x" * 99, "{}") for i in range(5)]
    runs = sort(tmp_path, documents, num_shards=1, run_bytes=1 << 20)
    os.truncate(runs[0].path, os.path.getsize(runs[0].path) - 60)
    with pytest.raises(OSError, match="ends"):
        merged(runs, 1)
