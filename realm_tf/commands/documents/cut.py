# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cuts the documents of files into blocks, as those of a snapshot were cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from beam_jobs import build_blocks
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.data.corpus import formats as corpus_formats


@dataclasses.dataclass(frozen=True)
class Files:
    """Files of documents.

    Attributes:
      patterns: Files, folders or patterns.
      format: Their format; see `corpus_formats`.
      beam_args: Options of Beam.
    """

    patterns: tuple[str, ...]
    format: str = corpus_formats.JSONL
    beam_args: tuple[str, ...] = ()


def cut(files: Files, vocab: str, config: config_lib.Config, root: str) -> list[artifacts.Segment]:
    """Cuts files into segments "blocks", one for each pattern, by the blocks job.

    Args:
      files: The files.
      vocab: Path of the "vocab" segment.
      config: How they are read and cut.
      root: Directory of the segments.

    Raises:
      UserError: As the job, or if the format is that of ready blocks.
    """
    if corpus_formats.is_ready(files.format):
        raise types.UserError(
            f"{files.format} holds ready blocks, which have no documents to add or update. Give"
            f" documents, in one of {', '.join(corpus_formats.DOCUMENT_FORMATS)}."
        )
    return [
        build_blocks.build_blocks(
            build_blocks.Params(pattern, vocab, root, files.format, config),
            beam_args=files.beam_args,
        ).blocks
        for pattern in files.patterns
    ]


def documents(table: block_table.BlockTable, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The documents that were cut into blocks, each with the rows of a table that are its blocks.

    Args:
      table: Any table.
      rows: <int64>[n] ascending rows.

    Returns:
      Id of every document to its rows <int64>[any].
    """
    found: dict[str, list[int]] = {}
    for row, doc_id in zip(rows.tolist(), table.take("doc_id", rows).rows(), strict=True):
        found.setdefault(doc_id.tobytes().decode("utf-8"), []).append(row)
    return {doc_id: np.array(own, np.int64) for doc_id, own in found.items()}


def open_table(segments: Sequence[artifacts.Segment]) -> block_table.BlockTable:
    """The table of the blocks that `cut` made of new documents.

    Raises:
      UserError: If a document is in two of them.
    """
    seen: dict[str, str] = {}
    for segment in segments:
        table = block_table.BlockTable.open(segment)
        for doc_id in documents(table, np.arange(len(table))):
            if doc_id in seen:
                raise types.UserError(
                    f"Document {doc_id!r} is in two of the given files. Give it once."
                )
            seen[doc_id] = segment.path
    return block_table.BlockTable.open(segments)


def shown(doc_ids: Iterable[str]) -> str:
    """Ids of cut documents, for a message of `realm documents`: the first, and how many more."""
    first, *others = sorted(doc_ids)
    return f"{first!r}" + (f" and {len(others)} more" if others else "")
