# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Second step of the blocks job: packs the documents of one shard, and writes its blocks.

An item of work is a shard and its slices of all runs. Beside its result it writes the blocks of the
shard, `<number>.arrow`, which the third step completes; the sorted ids and hashes of their texts,
`<number>-<file>.ids` and `.texts`; and its dead letters.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from beam_jobs import build_blocks_sort
from beam_jobs.engine import problems, work_items
from beam_jobs.engine import report as job_report
from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import duplicates, schema, shards
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import sorted_runs
from realm_tf.text import packing

STEP = "PackShard"

# Words of a row of each kind of sorted rows; see `duplicates`.
ROWS = {"ids": 1, "texts": 3}
_BATCH_BLOCKS = 1024
_BATCH_DOCUMENTS = 256
_BATCH_CHARACTERS = 1 << 20
_HISTOGRAM_STEP = 32  # wordpieces of a block
SAMPLES = 5


class PackFn(work_items.ItemFn):
    """Packs the documents of shards.

    Args:
      folder: Directory of the job.
      fmt: Format of the corpus.
      vocab: Path of the "vocab" segment.
      options: Arguments of `block_packer.BlockPacker`.
    """

    def __init__(
        self, folder: work_items.Folder, *, fmt: str, vocab: str, options: Mapping[str, Any]
    ):
        super().__init__(folder, STEP)
        self._fmt = fmt
        self._vocab = vocab
        self._options = dict(options)

    def setup(self) -> None:
        """Opens the tokenizer."""
        tokenizer = problems.open_tokenizer(self._vocab)
        self._packer = block_packer.BlockPacker(tokenizer, **self._options)
        self._columns = schema.of_blocks(schema.token_type(tokenizer.vocab_size), pa.uint32())

    def work(self, number: int, *slices: tuple[str, int, int]) -> dict[str, Any]:
        """Packs; see the class.

        Returns:
          The result: "tally", "counts", "largest_place" (of a byte in a block), "ids" and "texts".
        """
        tally = job_report.Tally()
        tally.count("blocks", 0)  # also of a shard without documents
        letters = job_report.DeadLetters(self.folder, STEP, number, tally)
        merged = sorted_runs.merge([sorted_runs.Slice(*part) for part in slices])
        made = pack(without_duplicates(merged, self._fmt, letters), self._packer, tally)
        rows = _Rows(self.folder, number)
        largest = 0

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal largest
            while some := list(itertools.islice(made, _BATCH_BLOCKS)):
                rows.add(some)
                batch = schema.block_batch(some, self._columns)
                largest = max(largest, schema.largest_place(batch))
                yield batch

        shards.write(packed_path(self.folder, number), batches(), self._columns)
        letters.write()
        return {
            "tally": vars(tally),
            "counts": tally.beam_counts(),
            "largest_place": largest,
            **rows.finish(),
        }


class _Rows:
    """The sorted ids and text hashes of a shard's blocks, for the search of equal ones."""

    def __init__(self, folder: work_items.Folder, number: int):
        self._folder = folder
        self._number = number
        self._kinds = {
            kind: duplicates.SortedRows(functools.partial(self._path, kind), width=width)
            for kind, width in ROWS.items()
        }

    def _path(self, kind: str, file: int) -> str:
        return self._folder.file(STEP, f"{self._number:06d}-{file:03d}.{kind}")

    def add(self, blocks: Sequence[types.Block]) -> None:
        for block in blocks:
            self._kinds["ids"].add(duplicates.id_row(block.block_id))
            self._kinds["texts"].add(duplicates.text_row(block.text, block.block_id))

    def finish(self) -> dict[str, Any]:
        return {
            kind: [[os.path.basename(chunk.path), chunk.offsets] for chunk in rows.finish()]
            for kind, rows in self._kinds.items()
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
                tally.count("blocks")
                tally.count("sentences", len(block.sentence_byte_start))
                tally.count("tokens", len(block.token_ids))
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
      fmt: Format of the corpus.
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
    for _ in pack(without_duplicates(sorted_first, fmt, letters), packer, tally):
        pass
    return job_report.render({"dry run": f"the first {count} records of {input}"}, tally)


def packed_path(folder: work_items.Folder, number: int) -> str:
    """Path of the blocks that an item packed."""
    return folder.file(STEP, f"{number:06d}.arrow")


def chunks(
    folder: work_items.Folder, results: Iterable[Mapping[str, Any]], kind: str
) -> list[duplicates.Chunk]:
    """The files of one kind of `ROWS` that items wrote, from their results."""
    return [
        duplicates.Chunk(folder.file(STEP, name), offsets, ROWS[kind])
        for result in results
        for name, offsets in result[kind]
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
