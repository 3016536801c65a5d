# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The index job makes what `index.build` makes."""

import numpy as np
import pytest

from beam_jobs import build_index
from beam_jobs.engine import launch
from realm_tf import types
from realm_tf.retrieval import index, vectors
from tests.retrieval import segments


@pytest.fixture
def table(tmp_path):
    return vectors.VectorTable.open(segments.write_vectors(tmp_path, [segments.normal(400, 8)]))


def run(argv):
    return launch.main(build_index.build_index, build_index.Params, argv)


def arguments(tmp_path, table):
    return [f"--vectors={table.segment.path}", f"--output_root={tmp_path}"]


@pytest.mark.parametrize("name", ["exact", "scann", "ivf"])
def test_index_finds(tmp_path, table, name):
    segment = run([*arguments(tmp_path, table), f"--set=retrieval.index={name}", "--k=20"])
    opened = index.Index.open(segment.path, table)
    queries = segments.normal(16, 8, seed=1)
    assert segment.settings["backend"] == name
    assert segments.index_recall(opened, table, queries, 20) >= 0.9


def test_recall_is_measured_with_given_queries(tmp_path, table):
    """Queries that differ make another segment, for they may decide about the fallback."""
    args = [*arguments(tmp_path, table), "--set=retrieval.index=scann"]
    np.save(tmp_path / "queries.npy", segments.normal(5, 8, seed=2))
    given = run([*args, f"--queries={tmp_path / 'queries.npy'}"])
    assert given.path != run(args).path


def test_every_use_of_the_configuration_is_gated(tmp_path, table):
    args = [*arguments(tmp_path, table), "--set=retrieval.index=ivf"]
    uses = ["--set=open_qa.num_searched=50", "--set=open_qa.num_read=5"]
    recall_at = "--set=evaluation.recall_at=[1,30]"
    assert {"5", "30", "50"} <= run([*args, *uses, recall_at]).settings["recall"].keys()
    assert "50" not in run([*args, *uses, recall_at, "--k=40"]).settings["recall"]


def test_fallback_is_reported(tmp_path, table):
    args = [
        *arguments(tmp_path, table),
        "--set=retrieval.index=scann",
        "--set=retrieval.tuning_seconds=0.000001",
    ]
    np.save(tmp_path / "queries.npy", segments.normal(50, 8, seed=2))
    segment = run([*args, f"--queries={tmp_path / 'queries.npy'}"])
    assert segment.counts["fallback"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file of queries"), (b"text", "not a .npy"), (np.zeros(3), r"Received: \[3\]")],
)
def test_bad_queries_are_refused(tmp_path, table, content, message):
    path = tmp_path / "queries.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content)
    args = [*arguments(tmp_path, table), "--set=retrieval.index=scann", f"--queries={path}"]
    with pytest.raises(types.UserError, match=message):
        run(args)
