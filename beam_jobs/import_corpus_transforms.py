# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the import of a corpus reads its records, and writes blocks and spans, as Beam transforms."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import metric

from beam_jobs.engine import outputs, problems
from realm_tf import types
from realm_tf.data.blocks import keys, schema, shards
from realm_tf.data.blocks import spans as block_spans
from realm_tf.data.reference import formats as reference_formats
from realm_tf.data.reference import ready_blocks

_BATCH_RECORDS = 256
_BYTE_TYPE = pa.uint32()  # holds the places of any text


class ImportCorpus(beam.PTransform):
    """`reference_formats.RecordFile`s to (shard, counts), writing shards, and problems.

    Outputs "counts" and `problems.PROBLEMS`.

    Args:
      output: The segment of blocks.
      spans: The segment of spans, if the format brings them.
      fmt: One of `reference_formats.FORMATS`.
      vocab: Path of the "vocab" segment.
      length: Length of packed blocks, in wordpieces.
      language: For the sentence boundaries.
    """

    def __init__(
        self,
        output: outputs.Output,
        spans: outputs.Output | None,
        *,
        fmt: str,
        vocab: str,
        length: int,
        language: str,
    ):
        super().__init__()
        self._output = output
        self._read = _ReadSource(fmt, output.num_shards)
        self._write = _WriteShard(output, spans, vocab, length, language)

    def expand(self, sources: beam.PCollection[tuple]) -> dict[str, Any]:
        """Reads, makes blocks, and writes; see the class."""
        read = (
            sources
            | beam.Reshuffle()
            | "ReadSource" >> beam.ParDo(self._read).with_outputs(problems.PROBLEMS, main="records")
        )
        counts = (
            read.records
            | outputs.GroupByShard(self._output.num_shards)
            | "WriteShard" >> beam.ParDo(self._write)
        )
        return {"counts": counts, problems.PROBLEMS: read[problems.PROBLEMS]}


class _ReadSource(beam.DoFn):
    def __init__(self, fmt: str, num_shards: int):
        self._fmt = fmt
        self._num_shards = num_shards

    def process(self, element: tuple[tuple[str, ...], int]) -> Iterator[Any]:
        source = reference_formats.RecordFile(*element)
        rows = reference_formats.read(source)
        row = source.first_row
        while True:
            try:
                where, row, serialized = next(rows)
                record = reference_formats.parse(self._fmt, where, row, serialized)
            except StopIteration:
                return
            except types.UserError as error:
                # If the file itself cannot be read on, `rows` is exhausted now.
                problem = problems.Problem(source.paths[0], row, str(error))
                yield beam.pvalue.TaggedOutput(problems.PROBLEMS, problem)
                continue
            doc_id = ready_blocks.doc_id(record.title, record.text)
            yield keys.shard_of(doc_id, self._num_shards), (doc_id, *record)


class _WriteShard(beam.DoFn):
    """(shard, its records) to (shard, counts), writing its blocks or passages."""

    def __init__(
        self,
        output: outputs.Output,
        spans: outputs.Output | None,
        vocab: str,
        length: int,
        language: str,
    ):
        self._output = output
        self._spans = spans
        self._vocab = vocab
        self._length = length
        self._language = language
        self._count = functools.partial(metric.Metrics.counter, "import_corpus")

    def setup(self) -> None:
        tokenizer = problems.open_tokenizer(self._vocab)
        self._unk_id = tokenizer.unk_id
        self._vocab_size = tokenizer.vocab_size
        self._blocks = ready_blocks.ReadyBlocks(
            tokenizer, length=self._length, language=self._language
        )

    def process(self, element: tuple[int, Iterable[tuple]]) -> Iterator[Any]:
        shard, rows = element
        # By id, then row: equal texts follow each other in the order of their rows.
        records = [
            reference_formats.ReferenceBlock(*row[1:]) for row in sorted(rows, key=lambda r: r[:2])
        ]
        counts = collections.Counter(
            documents=len(records), documents_without_text=0, cut=0, with_other_wordpieces=0
        )
        made = list(self._made(records, counts))
        counts["blocks"] = 0  # also of a shard without records
        outputs.count_blocks((passage.block for passage in made), counts)
        self._write(shard, made)
        if self._spans is not None:
            counts["spans"] = sum(len(passage.spans) for passage in made)
        for name, count in counts.items():
            self._count(name).inc(count)
        yield shard, dict(counts)

    def _made(
        self, records: Sequence[reference_formats.ReferenceBlock], counts: collections.Counter[str]
    ) -> Iterator[types.Passage]:
        seen: collections.Counter[tuple[str, str]] = collections.Counter()
        for first in range(0, len(records), _BATCH_RECORDS):
            batch = records[first : first + _BATCH_RECORDS]
            occurrences = []
            for record in batch:
                occurrences.append(seen[record.title, record.text])
                seen[record.title, record.text] += 1
            for record, made in zip(batch, self._blocks.make(batch, occurrences), strict=True):
                counts["cut"] += made.is_cut
                counts["with_other_wordpieces"] += made.has_other_ids
                counts["documents_without_text"] += made.block is None
                if made.block is None:
                    continue
                yield self._passage(made.block, record.spans or (), counts)

    def _write(self, shard: int, made: Sequence[types.Passage]) -> None:
        """Writes a shard of blocks, and the shard of spans where the format brings them."""
        columns = schema.of_blocks(schema.token_type(self._vocab_size), _BYTE_TYPE)
        batch = schema.block_batch([passage.block for passage in made], columns)
        shards.write(outputs.shard_path(self._output, shard), [batch], columns)
        if self._spans is not None:
            columns = schema.of_spans(_BYTE_TYPE)
            batch = schema.span_batch([passage.spans for passage in made], columns)
            shards.write(outputs.shard_path(self._spans, shard), [batch], columns)

    def _passage(
        self,
        block: types.Block,
        given: Iterable[tuple[int, int, str]],
        counts: collections.Counter[str],
    ) -> types.Passage:
        spans = []
        for byte_start, byte_limit, label in given:
            span = block_spans.locate(block, byte_start, byte_limit, label, self._unk_id)
            if isinstance(span, types.Span):
                spans.append(span)
            else:
                counts[f"skipped_{span}"] += 1
        return types.Passage(block, tuple(spans))
