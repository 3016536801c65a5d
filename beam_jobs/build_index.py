# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds the index over a corpus's vectors, checks its recall, and falls back to exact search.

ScaNN's training needs all vectors in one machine's memory, so this is a pipeline of one element: it
runs where the Beam options say, for instance on one large worker.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import logging
import sys
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf

from beam_jobs.engine import runner
from realm_tf import artifacts, config, types
from realm_tf.retrieval import index


@dataclasses.dataclass(frozen=True)
class IndexJob:
    """What a worker needs to know.

    Attributes:
      vectors: Path of the "vectors" segment.
      output_root: Directory of segments.
      retrieval: Which index, and how.
      k: The deepest search that will be made.
      queries: Path of a `.npy` file <float>[num_queries, embed_dim] to measure recall with; None
        for a sample of the vectors.
    """

    vectors: str
    output_root: str
    retrieval: config.RetrievalConfig
    k: int
    queries: str | None

    def build(self) -> artifacts.Segment:
        """Builds the index, or opens it where it is built; see `index.build`."""
        queries = None if self.queries is None else _read_queries(self.queries)
        return index.build(
            self.output_root, self.vectors, self.retrieval, k=self.k, queries=queries
        )


def _read_queries(path: str) -> np.ndarray:
    try:
        with tf.io.gfile.GFile(path, "rb") as f:
            queries = np.load(io.BytesIO(f.read()), allow_pickle=False)
    except tf.errors.NotFoundError:
        raise types.UserError(f"No such file of queries: {path}.") from None
    except ValueError as error:
        raise types.UserError(f"{path} is not a .npy file: {error}.") from error
    if queries.ndim != 2 or not len(queries):
        raise types.UserError(
            f"{path} must hold an array [num_queries, embed_dim]. Received: {list(queries.shape)}."
        )
    return queries.astype(np.float32)


class BuildIndex(beam.PTransform):
    """Index jobs to the paths of the "index" segments that they make."""

    def expand(self, jobs: beam.PCollection[IndexJob]) -> beam.PCollection[str]:
        """Builds one index per job."""
        return jobs | "Build" >> beam.Map(lambda job: job.build().path)


def build_index(
    *,
    vectors: str,
    output_root: str,
    retrieval: config.RetrievalConfig,
    k: int = index.DEFAULT_K,
    queries: str | None = None,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Builds the index of a "vectors" segment.

    Args:
      vectors: See `IndexJob`.
      output_root: See `IndexJob`.
      retrieval: See `IndexJob`.
      k: See `IndexJob`.
      queries: See `IndexJob`.
      beam_args: Pipeline options.

    Returns:
      The "index" segment; its `counts["fallback"]` is 1 if ScaNN was asked for and not good enough.

    Raises:
      UserError: If the vectors are damaged, or the queries are not usable.
    """
    job = IndexJob(vectors, output_root, retrieval, k, queries)
    with runner.pipeline(beam_args) as pipeline:
        _ = pipeline | "Job" >> beam.Create([job]) | "BuildIndex" >> BuildIndex()
    return job.build()  # it is there by now: opens it


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    defaults = config.RetrievalConfig()
    parser = argparse.ArgumentParser(prog="build_index", description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", required=True, help="path of the vectors segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument("--index", choices=("exact", "scann"), default=defaults.index)
    for name in ("num_leaves", "num_leaves_to_search", "num_reordering_candidates"):
        parser.add_argument(f"--{name}", type=int, default=0, help="0: from the number of blocks")
    parser.add_argument("--recall_floor", type=float, default=defaults.recall_floor)
    parser.add_argument("--k", type=int, default=index.DEFAULT_K, help="deepest search to come")
    parser.add_argument("--queries", help=".npy file of query vectors to measure recall with")
    args = vars(parser.parse_args(own))
    own_names = ("vectors", "output_root", "k", "queries")
    job = {name: args.pop(name) for name in own_names}
    return build_index(**job, retrieval=config.RetrievalConfig(**args), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
