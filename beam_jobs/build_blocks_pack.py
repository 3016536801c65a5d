# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Second step of the blocks job: packs the documents of one shard, and writes its blocks.

An item of work is a shard and its slices of all runs. Beside its result it writes the blocks of the
shard, `<number>.arrow`, which the third step completes, and where the corpus brings them their
spans, `<number>.spans.arrow`; the sorted ids and hashes of their texts,
`<number>-<file>.ids` and `.texts`; and its dead letters.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from beam_jobs import build_blocks_measures, build_blocks_reference
from beam_jobs.engine import job_folder, tokenizers, work_items
from beam_jobs.engine import report as job_report
from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.blocks import duplicates, schema, shards
from realm_tf.data.blocks import packer as block_packer
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import sorted_runs
from realm_tf.data.reference import ready_blocks
from realm_tf.text import tokenizer as tokenizer_lib

STEP = "PackShard"

# Words of a row of each kind of sorted rows; see `duplicates`.
ROWS = {"ids": 1, "texts": 3}
_BATCH_BLOCKS = 1024
_BATCH_DOCUMENTS = 256
_BATCH_CHARACTERS = 1 << 20
_BYTE_TYPE = pa.uint32()  # holds the places of any text; the third step takes a narrower one


class PackFn(work_items.ItemFn):
    """Packs the documents of shards.

    Args:
      folder: Directory of the job.
      fmt: Format of the corpus.
      vocab: Path of the "vocab" segment.
      blocks_config: How documents become blocks.
      metadata_fields: Fields of the metadata that get columns, and their types.
      first_rows: Number of records of the corpus before those of each file, for ready blocks.
    """

    def __init__(
        self,
        folder: job_folder.Folder,
        *,
        fmt: str,
        vocab: str,
        blocks_config: config_lib.BlocksConfig,
        metadata_fields: Mapping[str, str],
        first_rows: Mapping[str, int],
    ):
        super().__init__(folder, STEP)
        self._metadata_fields = dict(metadata_fields)
        self._fmt = fmt
        self._vocab = vocab
        self._blocks_config = blocks_config
        self._first_rows = first_rows

    def setup(self) -> None:
        """Opens the tokenizer."""
        self._tokenizer = tokenizers.open_once(self._vocab)
        token = schema.token_type(self._tokenizer.vocab_size)
        self._columns = schema.of_blocks(token, _BYTE_TYPE, self._metadata_fields)

    def work(self, number: int, *slices: tuple[str, int, int]) -> dict[str, Any]:
        """Packs; see the class.

        Returns:
          The result: "tally", "counts", "largest_place" (of a byte in a block), "ids" and "texts".
        """
        tally = job_report.Tally()
        columns = [schema.metadata_column(name) for name in self._metadata_fields]
        for name in ("blocks", "sentences", "tokens", *columns):
            tally.count(name, 0)  # also of a shard without documents
        letters = job_report.DeadLetters(self.folder, STEP, number, tally)
        parts = [sorted_runs.Slice(*part) for part in slices]
        merged = self._noted(number, sorted_runs.merge(parts), parts)
        made = passages(
            merged,
            self._fmt,
            self._tokenizer,
            self._blocks_config,
            self._first_rows,
            letters,
            tally,
        )
        rows = _Rows(self.folder, number)
        marks: list[tuple[types.Span, ...]] = []
        largest = 0

        def batches() -> Iterator[pa.RecordBatch]:
            nonlocal largest
            while some := list(itertools.islice(made, _BATCH_BLOCKS)):
                blocks = [passage.block for passage in some]
                marks.extend(passage.spans for passage in some)
                rows.add(blocks)
                batch = schema.block_batch(blocks, self._columns)
                largest = max(largest, schema.largest_place(batch))
                for name in columns:
                    tally.count(name, batch.num_rows - batch.column(name).null_count)
                yield batch

        shards.write(packed_path(self.folder, number), batches(), self._columns)
        if corpus_formats.brings_spans(self._fmt):
            of_spans = schema.of_spans(_BYTE_TYPE)
            batch = schema.span_batch(marks, of_spans)
            shards.write(packed_path(self.folder, number, schema.SPANS), [batch], of_spans)
        letters.write()
        return {
            "tally": vars(tally),
            "counts": tally.beam_counts(),
            "largest_place": largest,
            **rows.finish(),
        }

    def _noted(
        self,
        number: int,
        documents: Iterable[types.Document],
        parts: Sequence[sorted_runs.Slice],
    ) -> Iterator[types.Document]:
        note = self.folder.note(STEP, number)
        read, total = 0, sum(part.limit - part.start for part in parts)
        for document in documents:
            yield document
            read += len(document.text)
            note(read, total)


class _Rows:
    """The sorted ids and text hashes of a shard's blocks, for the search of equal ones."""

    def __init__(self, folder: job_folder.Folder, number: int):
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


def passages(
    documents: Iterable[types.Document],
    fmt: str,
    tokenizer: tokenizer_lib.Tokenizer,
    blocks_config: config_lib.BlocksConfig,
    first_rows: Mapping[str, int],
    letters: job_report.DeadLetters,
    tally: job_report.Tally,
) -> Iterator[types.Passage]:
    """Yields the blocks of documents, with the spans that the corpus brings, and counts them.

    Args:
      documents: Sorted by document id, file and number.
      fmt: Format of the corpus.
      tokenizer: Tokenizer of the blocks.
      blocks_config: How documents become blocks.
      first_rows: Number of records of the corpus before those of each file, for ready blocks.
      letters: Gets the documents whose id was given before.
      tally: Gets the counts.

    Raises:
      UserError: If the blocks would be too short to hold anything.
    """
    if corpus_formats.is_ready(fmt):
        maker = ready_blocks.ReadyBlocks(
            tokenizer, length=blocks_config.length, language=blocks_config.language
        )
        return build_blocks_reference.pack(documents, maker, first_rows, tokenizer.unk_id, tally)
    packer = block_packer.BlockPacker(
        tokenizer,
        length=blocks_config.length,
        template=blocks_config.template,
        language=blocks_config.language,
        overlap=blocks_config.overlap_sentences,
    )
    return _pack(without_duplicates(documents, fmt, letters), packer, tally)


def _pack(
    documents: Iterable[types.Document],
    packer: block_packer.BlockPacker,
    tally: job_report.Tally,
) -> Iterator[types.Passage]:
    for batch in _batches(documents):
        tally.measure("bytes of a document", (len(d.text.encode("utf-8")) for d in batch))
        for packed in packer.pack(batch):
            tally.count("documents")
            tally.count("documents_without_text", not packed.blocks)
            tally.count("repeated_blocks", packed.num_repeated)
            for block in packed.blocks:
                build_blocks_measures.count(block, tally)
                yield types.Passage(block, ())


def packed_path(folder: job_folder.Folder, number: int, kind: str = schema.BLOCKS) -> str:
    """Path of the blocks that an item packed, or of their spans."""
    suffix = "spans.arrow" if kind == schema.SPANS else "arrow"
    return folder.file(STEP, f"{number:06d}.{suffix}")


def packed_rows(
    folder: job_folder.Folder, results: Iterable[Mapping[str, Any]], kind: str
) -> list[duplicates.Chunk]:
    """Files of the ids or texts (a kind of `ROWS`) of packed blocks, from the results of items."""
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
