# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Second step of the blocks job: packs the documents of one shard, and writes its blocks.

An item of work is a shard and its slices of all runs. Beside its result it writes the shard into
the segment, the hashes `<number>-<file>.hashes` of its blocks' texts, and its dead letters.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from beam_jobs import build_blocks_sort
from beam_jobs.engine import outputs, problems, work_items
from beam_jobs.engine import report as job_report
from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import duplicates
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import sorted_runs
from realm_tf.text import packing

STEP = "PackShard"

_BATCH_DOCUMENTS = 256
_BATCH_CHARACTERS = 1 << 20
_HISTOGRAM_STEP = 32  # wordpieces of a block
SAMPLES = 5


class PackFn(work_items.ItemFn):
    """Packs the documents of shards.

    Args:
      folder: Of the job.
      output: The segment.
      fmt: Of the corpus.
      vocab: Path of the "vocab" segment.
      options: Arguments of `block_packer.BlockPacker`.
    """

    def __init__(
        self,
        folder: work_items.Folder,
        output: outputs.Output,
        *,
        fmt: str,
        vocab: str,
        options: Mapping[str, Any],
    ):
        super().__init__(folder, STEP)
        self._fmt = fmt
        self._output = output
        self._vocab = vocab
        self._options = dict(options)

    def setup(self) -> None:
        """Opens the tokenizer."""
        tokenizer = problems.open_tokenizer(self._vocab)
        self._packer = block_packer.BlockPacker(tokenizer, **self._options)

    def work(self, number: int, *slices: tuple[str, int, int]) -> dict[str, Any]:
        """Packs; see the class. The result: "tally", "counts", "num_bytes", and "hashes"."""
        tally = job_report.Tally()
        letters = job_report.DeadLetters(self.folder, STEP, number, tally)
        hashes = duplicates.TextHashes(
            lambda file: self.folder.file(STEP, f"{number:06d}-{file:03d}.hashes")
        )
        merged = sorted_runs.merge([sorted_runs.Slice(*part) for part in slices])
        packed = pack(without_duplicates(merged, self._fmt, letters), self._packer, tally)
        written = outputs.write_shard(self._output, number, _hashed(packed, hashes))
        for name, count in written.items():
            tally.count(name, count)
        chunks = [[os.path.basename(chunk.path), chunk.offsets] for chunk in hashes.finish()]
        letters.write()
        return {
            "tally": vars(tally),
            "counts": tally.beam_counts(),
            "num_bytes": outputs.shard_bytes(self._output, number),
            "hashes": chunks,
        }


def without_duplicates(
    documents: Iterable[types.Document], fmt: str, letters: job_report.DeadLetters
) -> Iterator[types.Document]:
    """Yields, of sorted documents, the first with each id; the others become dead letters."""
    first: types.Document | None = None
    for document in documents:
        if first is None or document.doc_id != first.doc_id:
            first = document
            yield document
            continue
        here, before = (corpus_formats.place(fmt, d.file, d.number) for d in (document, first))
        message = (
            f"{here}: the id {document.doc_id!r} was already given at {before}. Every document"
            " needs an id of its own."
        )
        letters.add(document.file, document.number, "duplicate_id", message)


def pack(
    documents: Iterable[types.Document],
    packer: block_packer.BlockPacker,
    tally: job_report.Tally,
) -> Iterator[types.Block]:
    """Yields the blocks of documents, and counts and measures them."""
    for batch in _batches(documents):
        tally.measure("bytes of a document", (len(d.text.encode("utf-8")) for d in batch))
        for packed in packer.pack(batch):
            tally.count("documents")
            tally.count("documents_without_text", not packed.blocks)
            tally.count("repeated_blocks", packed.num_repeated)
            for block in packed.blocks:
                _measure(block, tally)
                yield block


def preview(
    *,
    input: str,  # noqa: A002 - the name of the option
    fmt: str,
    reading: config_lib.CorpusConfig,
    vocab: str,
    options: Mapping[str, Any],
    count: int,
) -> str:
    """The report of the first `count` records of a corpus; nothing is written.

    Args:
      input: Pattern of the corpus's files.
      fmt: Of the corpus.
      reading: How it is read.
      vocab: Path of the "vocab" segment.
      options: Arguments of `block_packer.BlockPacker`.
      count: So many records are read.
    """
    packer = block_packer.BlockPacker(problems.open_tokenizer(vocab), **options)
    tally = job_report.Tally()
    letters = job_report.DeadLetters(work_items.Folder(""), STEP, 0, tally)
    found = (
        record
        for unit in corpus_formats.units(input, fmt, reading)
        for record in corpus_formats.read_unit(unit, fmt, reading)
    )
    first = build_blocks_sort.documents(itertools.islice(found, count), fmt, letters, tally)
    sorted_first = sorted(first, key=sorted_runs.order)
    for block in pack(without_duplicates(sorted_first, fmt, letters), packer, tally):
        outputs.count_record(block, tally.counts)
    return job_report.render({"dry run": f"the first {count} records of {input}"}, tally)


def chunks(
    folder: work_items.Folder, results: Iterable[Mapping[str, Any]]
) -> list[duplicates.Chunk]:
    """The hashes that items wrote, from their results."""
    return [
        duplicates.Chunk(folder.file(STEP, name), offsets)
        for result in results
        for name, offsets in result["hashes"]
    ]


def _batches(
    documents: Iterable[types.Document],
) -> Iterator[list[types.Document]]:
    batch: list[types.Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if len(batch) == _BATCH_DOCUMENTS or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _measure(block: types.Block, tally: job_report.Tally) -> None:
    size = packing.block_size(len(block.title_ids), len(block.token_ids))
    tally.measure("wordpieces of a block, with its title", [size], _HISTOGRAM_STEP)
    lengths = np.subtract(block.sentence_byte_limit, block.sentence_byte_start)
    tally.measure("bytes of a sentence", lengths.tolist())
    key = f"{block.block_id:020d}"
    tally.sample(key, SAMPLES, document=block.doc_id, title=block.title, text=block.text)


def _hashed(made: Iterable[types.Block], hashes: duplicates.TextHashes) -> Iterator[types.Block]:
    for block in made:
        hashes.add(block.text, block.block_id)
        yield block
