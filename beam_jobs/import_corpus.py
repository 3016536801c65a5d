# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Takes over a corpus of the original code: one record is one block, or one passage.

`realm-blocks` and `orqa` give "blocks", `realm-pretrain` gives "passages" with the spans that it
brings. A record's shard is a hash of its title and text, and inside a shard records are sorted, so
that the segment depends neither on the workers nor on how the corpus is cut into files.
"""

from __future__ import annotations

import argparse
import collections
import functools
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import metric

from beam_jobs.engine import outputs, problems, runner
from realm_tf import artifacts, types
from realm_tf.data.blocks import schema as block_schema
from realm_tf.data.blocks import spans as block_spans
from realm_tf.data.reference import formats as reference_formats
from realm_tf.data.reference import ready_blocks
from realm_tf.text import packing

_BATCH_RECORDS = 256

_LOGGER = logging.getLogger(__name__)


class ImportCorpus(beam.PTransform):
    """`reference_formats.RecordFile`s to (shard, counts), writing shards, and problems.

    Outputs "counts" and `transforms.PROBLEMS`.

    Args:
      output: The segment.
      fmt: One of `reference_formats.FORMATS`.
      vocab: Path of the "vocab" segment.
      length: Of packed blocks, in wordpieces.
      language: For the sentence boundaries.
    """

    def __init__(self, output: outputs.Output, *, fmt: str, vocab: str, length: int, language: str):
        super().__init__()
        self._output = output
        self._read = _ReadSource(fmt, output.num_shards)
        self._write = _WriteShard(output, vocab, length, language)

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
            yield block_schema.shard_of(doc_id, self._num_shards), (doc_id, *record)


class _WriteShard(beam.DoFn):
    """(shard, its records) to (shard, counts), writing its blocks or passages."""

    def __init__(self, output: outputs.Output, vocab: str, length: int, language: str):
        self._output = output
        self._vocab = vocab
        self._length = length
        self._language = language
        self._count = functools.partial(metric.Metrics.counter, "import_corpus")

    def setup(self) -> None:
        tokenizer = problems.open_tokenizer(self._vocab)
        self._unk_id = tokenizer.unk_id
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
        counts.update(outputs.write_shard(self._output, shard, self._made(records, counts)))
        for name, count in counts.items():
            self._count(name).inc(count)
        yield shard, dict(counts)

    def _made(
        self, records: Sequence[reference_formats.ReferenceBlock], counts: collections.Counter[str]
    ) -> Iterator[types.Block | types.Passage]:
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
                if record.spans is None:
                    yield made.block
                else:
                    yield self._passage(made.block, record.spans, counts)

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


def import_corpus(
    *,
    input: str,  # noqa: A002 - the name of the option
    format: str,  # noqa: A002 - the name of the option
    vocab: str,
    output_root: str,
    length: int = 288,
    language: str = "en",
    template: str = packing.TITLE_BODY,
    num_shards: int = 8,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Takes over a corpus of the original code.

    Args:
      input: Glob pattern of its files; see `reference_formats`.
      format: One of `reference_formats.FORMATS`.
      vocab: Path of the "vocab" segment.
      output_root: Directory of segments.
      length: Of packed blocks, in wordpieces, title and special tokens included; what does not fit
        is cut, and counted.
      language: ISO 639 code, for the sentence boundaries where records do not give them.
      template: What embedders read of a block, "title_body" or "body"; the segment says it.
      num_shards: Files of the segment. One shard's records must fit in a worker's memory.
      beam_args: Pipeline options.

    Returns:
      The "blocks" segment, or for `realm-pretrain` the "passages" segment; at once if it is there.

    Raises:
      UserError: If a file is damaged, files that belong together differ in length, or a record is
        not one of the format (all with file and record).
    """
    if format not in reference_formats.FORMATS:
        raise types.UserError(
            f"Unknown format {format!r}. Valid: {', '.join(reference_formats.FORMATS)}."
        )
    if num_shards < 1:
        raise types.UserError(f"A segment needs at least 1 shard. Received: {num_shards}.")
    packing.block_size(0, 0, template)  # checks
    tokenizer = problems.open_tokenizer(vocab)
    files = reference_formats.expand(input, format)
    settings = {
        "format": format,
        "length": length,
        "language": language,
        "template": template,
        "num_shards": num_shards,
        "packing_version": block_schema.PACKING_VERSION,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {
        "tokenizer": tokenizer.fingerprint,
        "corpus": reference_formats.fingerprint(files),
    }
    kind = (
        block_schema.BLOCKS if format in reference_formats.BLOCK_FORMATS else block_schema.PASSAGES
    )
    path = artifacts.recipe_path(output_root, kind, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, kind, verify=False)
    ready_blocks.ReadyBlocks(tokenizer, length=length, language=language)  # checks
    sources = reference_formats.locate(files)
    writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
    output = outputs.Output(path, kind, num_shards)
    _LOGGER.info("taking over %d files into %s", len(files), path)
    with runner.pipeline(beam_args) as pipeline:
        job = ImportCorpus(output, fmt=format, vocab=vocab, length=length, language=language)
        made = pipeline | beam.Create([tuple(s) for s in sources]) | "ImportCorpus" >> job
        _ = made["counts"] | "WriteReport" >> outputs.WriteReport(output)
        _ = made[problems.PROBLEMS] | "RaiseProblems" >> problems.RaiseProblems()
    segment = outputs.commit(writer, output, input)
    other, total = segment.counts["with_other_wordpieces"], segment.counts["documents"]
    if other > total / 2:
        _LOGGER.warning(
            "%s of %s records were made with other wordpieces than %s gives. Vectors that were made"
            " of the same records need the vocabulary of their model.",
            *(f"{other:.0f}", f"{total:.0f}", vocab),
        )
    return segment


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="import_corpus", description=__doc__.splitlines()[0])
    parser.add_argument("--input", required=True, help="pattern of the corpus's files")
    parser.add_argument("--format", required=True, choices=reference_formats.FORMATS)
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument("--length", type=int, default=288, help="wordpieces of a packed block")
    parser.add_argument("--language", default="en", help="ISO 639 code of the corpus's language")
    parser.add_argument("--template", default=packing.TITLE_BODY, help="title_body or body")
    parser.add_argument("--num_shards", type=int, default=8, help="files of the segment")
    return import_corpus(**vars(parser.parse_args(own)), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
