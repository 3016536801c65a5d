# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Approximate indexes on disk and in memory: trained, gated, written and opened again."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from realm_tf import artifacts, config
from realm_tf.artifacts import gfile
from realm_tf.retrieval import gate, ivf, recall, scann_layer, vectors, widths

_SUFFIX = ".npy"
_BACKENDS = {"scann": scann_layer, "ivf": ivf}

_LOGGER = logging.getLogger(__name__)


class Gated(NamedTuple):
    """A trained layer, whose files are written, and what the gate found.

    Attributes:
      layer: The layer, with the width of every depth.
      passed: Depth to what the gate found there.
      files: Names of its files.
    """

    layer: gate.Layer
    passed: dict[int, gate.Passed]
    files: list[str]

    def settings(self) -> dict[str, Any]:
        """What the settings of the segment say of it."""
        return {
            "num_leaves": self.layer.num_leaves,
            "widths": self.layer.table.to_json(),
            "recall": {str(k): passed.recall for k, passed in self.passed.items()},
        }


def build(
    table: vectors.VectorTable,
    retrieval: config.RetrievalConfig,
    depths: Sequence[int],
    queries: np.ndarray,
    folder: str,
) -> Gated | None:
    """Trains a layer and finds its widths.

    Args:
      table: Vectors of the blocks.
      retrieval: Configuration of the index, which is not exact.
      depths: Depths that it will be searched at, ascending.
      queries: Queries to measure recall with, <float32>[num_queries, embed_dim].
      folder: Directory for its files.

    Returns:
      None if it is not good enough at any depth; there are no files then.
    """
    trained = train(table, retrieval, folder)
    if trained is None:
        return None
    layer, files = trained
    truth = recall.GroundTruth.of(table, queries, depths[-1])
    passed = gate.pass_through(layer, truth, depths, retrieval)
    found = {k: one.width for k, one in passed.items()}
    if any(found.values()):
        layer.table = widths.WidthTable(found, layer.table.everything)
        return Gated(layer, passed, files)
    _LOGGER.warning(
        "%s stays under the recall floor at every depth: building an exact index", retrieval.index
    )
    for name in files:
        gfile.remove(os.path.join(folder, name))
    return None


def train(
    table: vectors.VectorTable, retrieval: config.RetrievalConfig, folder: str
) -> tuple[gate.Layer, list[str]] | None:
    """Trains a layer, whose widths are still to be found.

    Args:
      table: Vectors of the blocks.
      retrieval: Configuration of the index, which is not exact.
      folder: Directory for its files.

    Returns:
      The layer, and the names of its files; None if there are too few blocks.
    """
    backend = _BACKENDS[retrieval.index]
    if len(table) < backend.MIN_BLOCKS:
        _LOGGER.warning(
            "%s needs at least %d blocks: building an exact index",
            retrieval.index, backend.MIN_BLOCKS,
        )  # fmt: skip
        return None
    num_leaves = retrieval.num_leaves or backend.default_leaves(len(table))
    trained: tuple[gate.Layer, list[str]] = backend.train(
        table, max(1, min(num_leaves, len(table) // 2)), folder
    )
    return trained


def open_layer(
    segment: artifacts.Segment, table: vectors.VectorTable, *, as_variables: bool = False
) -> Any:
    """Opens the layer of an "index" segment that is not exact.

    Args:
      segment: The segment.
      table: The vectors that it was built from.
      as_variables: Whether it holds copies of them as variables, so that it can be saved.

    Returns:
      The layer, a `gate.Layer`.
    """
    arrays = {
        os.path.basename(path).removesuffix(_SUFFIX): artifacts.map_array(path)
        for path in segment.files()
    }
    backend = _BACKENDS[segment.settings["backend"]]
    num_leaves = segment.settings["num_leaves"]
    layer = backend.open_arrays(arrays, table, num_leaves, as_variables=as_variables)
    layer.table = widths.WidthTable.from_json(segment.settings["widths"], layer.table.everything)
    return layer
