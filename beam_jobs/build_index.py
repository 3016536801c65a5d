# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Builds the index over a corpus's vectors, checks its recall, and falls back to exact search.

ScaNN's training needs all vectors in one machine's memory, so this is a pipeline of one element: it
runs where the Beam options say, for instance on one large worker.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf

from beam_jobs.engine import launch, runner
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.retrieval import depths, index


@dataclasses.dataclass(frozen=True)
class Params:
    """What is indexed, and how.

    Attributes:
      vectors: Path of the "vectors" segment.
      output_root: Directory of segments.
      k: The deepest search that will be made; 0: that of the uses that are configured. Their depths
        down to it are gated.
      queries: Path of a `.npy` file <float>[num_queries, embed_dim] to measure recall with; by
        default a sample of the vectors is taken.
      config: Section `retrieval`: which index, and how.
    """

    vectors: str
    output_root: str
    k: int = 0
    queries: str | None = None
    config: config_lib.Config = config_lib.Config()

    def build(self) -> artifacts.Segment:
        """Builds the index, or opens it where it is built; see `index.build`."""
        queries = None if self.queries is None else read_queries(self.queries)
        uses = depths.depths(self.config)
        return index.build(
            self.output_root,
            self.vectors,
            self.config.retrieval,
            k=self.k or uses[-1],
            gates=[use for use in uses if not self.k or use <= self.k],
            queries=queries,
        )


def read_queries(path: str) -> np.ndarray:
    """Reads vectors of queries, <float32>[num_queries, embed_dim], from a `.npy` file.

    Raises:
      UserError: If it is missing, or holds something else.
    """
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


def build_index(params: Params, *, beam_args: Sequence[str] = ()) -> artifacts.Segment:
    """Builds the index of a "vectors" segment.

    Args:
      params: What is indexed, and how.
      beam_args: Pipeline options.

    Returns:
      The "index" segment; its `counts["fallback"]` is 1 if ScaNN was asked for and not good enough.

    Raises:
      UserError: If the vectors are damaged, or the queries are not usable.
    """
    with artifacts.storage_errors(), runner.pipeline(beam_args) as pipeline:
        _ = pipeline | "Params" >> beam.Create([params]) | "Build" >> beam.Map(Params.build)
    return params.build()  # it is there by now: opens it


if __name__ == "__main__":
    launch.run(__spec__.name)
