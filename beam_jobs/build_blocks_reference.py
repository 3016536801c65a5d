# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Second step of the blocks job, for the formats of the original code: one record is one block."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator, Mapping

from beam_jobs import build_blocks_measures
from beam_jobs.engine import report as job_report
from realm_tf import types
from realm_tf.data.blocks import spans as block_spans
from realm_tf.data.reference import documents as reference_documents
from realm_tf.data.reference import formats as reference_formats
from realm_tf.data.reference import ready_blocks

_BATCH_RECORDS = 256


def pack(
    documents: Iterable[types.Document],
    maker: ready_blocks.ReadyBlocks,
    first_rows: Mapping[str, int],
    unk_id: int,
    tally: job_report.Tally,
) -> Iterator[types.Passage]:
    """Yields the block of every record of the original code, with its spans, and counts them.

    Args:
      documents: Records, sorted by document id, file and number.
      maker: Makes blocks of records.
      first_rows: Number of records of the corpus before those of each file.
      unk_id: Id of the unknown wordpiece. A span that holds one cannot be predicted.
      tally: Gets the counts.
    """
    for name in ("documents", "documents_without_text", "cut", "with_other_wordpieces", "spans"):
        tally.count(name, 0)
    numbered = _numbered(documents)
    while batch := list(itertools.islice(numbered, _BATCH_RECORDS)):
        rows = [first_rows[document.file] + document.number for document, _ in batch]
        records = [
            reference_documents.to_record(document, row)
            for (document, _), row in zip(batch, rows, strict=True)
        ]
        occurrences = [occurrence for _, occurrence in batch]
        for record, made in zip(records, maker.make(records, occurrences), strict=True):
            tally.count("documents")
            tally.count("cut", made.is_cut)
            tally.count("with_other_wordpieces", made.has_other_ids)
            tally.count("documents_without_text", made.block is None)
            if made.block is not None:
                build_blocks_measures.count(made.block, tally)
                yield _passage(made.block, record, unk_id, tally)


def _numbered(documents: Iterable[types.Document]) -> Iterator[tuple[types.Document, int]]:
    """(document, number of documents before it with its title and text)."""
    for _, same_id in itertools.groupby(documents, key=lambda document: document.doc_id):
        seen: collections.Counter[tuple[str, str]] = collections.Counter()
        for document in same_id:
            key = document.title, document.text
            yield document, seen[key]
            seen[key] += 1


def _passage(
    block: types.Block,
    record: reference_formats.ReferenceBlock,
    unk_id: int,
    tally: job_report.Tally,
) -> types.Passage:
    spans = []
    for byte_start, byte_limit, label in record.spans or ():
        span = block_spans.locate(block, byte_start, byte_limit, label, unk_id)
        if isinstance(span, types.Span):
            spans.append(span)
        else:
            tally.drop(span, f"block {block.block_id}")
    tally.count("spans", len(spans))
    return types.Passage(block, tuple(spans))
