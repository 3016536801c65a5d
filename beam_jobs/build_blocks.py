# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Cuts the documents of a corpus into blocks.

A document's shard is a hash of its id, and inside a shard documents are sorted by id: the segment
depends on the documents alone, not on the corpus's files, their order, or the workers.
"""

from __future__ import annotations

import argparse
import collections
import functools
import itertools
import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import metric

from beam_jobs import runner, sinks, transforms
from realm_tf import artifacts, types
from realm_tf.data import block_packer, blocks, corpus_formats, packing

_BATCH_DOCUMENTS = 256

_LOGGER = logging.getLogger(__name__)


def find_duplicates(
    documents: Sequence[transforms.SourceDocument],
) -> Iterator[transforms.Problem]:
    """Problems of the documents, sorted, that have the id of the one before."""
    for before, document in itertools.pairwise(documents):
        if before.doc_id == document.doc_id:
            yield transforms.Problem(
                document.file,
                document.number,
                f"{document.file}:{document.number}: the id {document.doc_id!r} was already given"
                f" at {before.file}:{before.number}. Every document needs an id of its own.",
            )


class BuildBlocks(beam.PTransform):
    """Paths of corpus files to (shard, counts), writing block shards, and problems.

    Outputs "counts" and `transforms.PROBLEMS`.

    Args:
      output: The segment.
      vocab: Path of the "vocab" segment.
      length: Of packed blocks, in wordpieces.
      language: For the sentence boundaries.
      template: What of a block has to fit.
    """

    def __init__(
        self, output: sinks.Output, *, vocab: str, length: int, language: str, template: str
    ):
        super().__init__()
        self._output = output
        self._pack = _PackShard(output, vocab, length=length, language=language, template=template)

    def expand(self, files: beam.PCollection[str]) -> dict[str, Any]:
        """Reads, packs and writes; see the class."""
        read = files | transforms.ReadDocuments(self._output.num_shards)
        packed = (
            read.documents
            | sinks.GroupByShard(self._output.num_shards)
            | "PackShard" >> beam.ParDo(self._pack).with_outputs(transforms.PROBLEMS, main="counts")
        )
        problems = (read[transforms.PROBLEMS], packed[transforms.PROBLEMS]) | beam.Flatten()
        return {"counts": packed.counts, transforms.PROBLEMS: problems}


class _PackShard(beam.DoFn):
    """(shard, its documents) to (shard, counts), writing its blocks."""

    def __init__(self, output: sinks.Output, vocab: str, **packing_options: Any):
        self._output = output
        self._vocab = vocab
        self._packing_options = packing_options
        self._count = functools.partial(metric.Metrics.counter, "build_blocks")

    def setup(self) -> None:
        tokenizer = transforms.open_tokenizer(self._vocab)
        self._packer = block_packer.BlockPacker(tokenizer, **self._packing_options)

    def process(self, element: tuple[int, Iterable[tuple]]) -> Iterator[Any]:
        shard, rows = element
        documents = sorted(transforms.SourceDocument(*row) for row in rows)
        duplicates = list(find_duplicates(documents))
        if duplicates:
            yield from (beam.pvalue.TaggedOutput(transforms.PROBLEMS, p) for p in duplicates)
            return
        counts = collections.Counter(documents=len(documents), documents_without_text=0)
        counts.update(sinks.write_shard(self._output, shard, self._blocks(documents, counts)))
        for name, count in counts.items():
            self._count(name).inc(count)
        yield shard, dict(counts)

    def _blocks(
        self, documents: Sequence[transforms.SourceDocument], counts: collections.Counter[str]
    ) -> Iterator[types.Block]:
        for first in range(0, len(documents), _BATCH_DOCUMENTS):
            batch = documents[first : first + _BATCH_DOCUMENTS]
            for packed in self._packer.pack([source.document() for source in batch]):
                counts["documents_without_text"] += not packed
                yield from packed


def build_blocks(
    *,
    input: str,  # noqa: A002 - the name of the option
    vocab: str,
    output_root: str,
    length: int = 288,
    template: str = packing.TITLE_BODY,
    language: str = "en",
    num_shards: int = 8,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Cuts the documents of a corpus into blocks.

    Args:
      input: Glob pattern of corpus files; see `corpus_formats`.
      vocab: Path of the "vocab" segment.
      output_root: Directory of segments.
      length: Of packed blocks, in wordpieces, title and special tokens included.
      template: What embedders read of a block, and so what has to fit: "title_body" or "body".
      language: ISO 639 code, for the sentence boundaries.
      num_shards: Files of the segment. One shard's documents must fit in a worker's memory.
      beam_args: Pipeline options.

    Returns:
      The "blocks" segment; at once if it is there already.

    Raises:
      UserError: If a line of the corpus is not a document, an id is there twice (both with file
        and line), or there are no documents.
    """
    if num_shards < 1:
        raise types.UserError(f"A segment needs at least 1 shard. Received: {num_shards}.")
    tokenizer = transforms.open_tokenizer(vocab)
    files = [unit.file for unit in corpus_formats.units(input, corpus_formats.JSONL)]
    settings = {
        "length": length,
        "template": template,
        "language": language,
        "num_shards": num_shards,
        "packing_version": blocks.PACKING_VERSION,
        "vocab_size": tokenizer.vocab_size,
    }
    fingerprint = corpus_formats.fingerprint(input, corpus_formats.JSONL)
    made_from = {"tokenizer": tokenizer.fingerprint, "corpus": fingerprint}
    path = artifacts.recipe_path(output_root, blocks.BLOCKS, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, blocks.BLOCKS, verify=False)
    options: dict[str, Any] = {"length": length, "language": language, "template": template}
    block_packer.BlockPacker(tokenizer, **options)  # checks
    writer = artifacts.SegmentWriter(
        path, kind=blocks.BLOCKS, settings=settings, made_from=made_from
    )
    output = sinks.Output(path, blocks.BLOCKS, num_shards)
    _LOGGER.info("packing %d files into %s", len(files), path)
    with runner.pipeline(beam_args) as pipeline:
        job = BuildBlocks(output, vocab=vocab, **options)
        built = pipeline | "Files" >> beam.Create(files) | "BuildBlocks" >> job
        _ = built["counts"] | "WriteReport" >> sinks.WriteReport(output)
        _ = built[transforms.PROBLEMS] | "RaiseProblems" >> transforms.RaiseProblems()
    return sinks.commit(writer, output, input)


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="build_blocks", description=__doc__.splitlines()[0])
    parser.add_argument("--input", required=True, help="pattern of corpus files (.jsonl[.gz])")
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument("--length", type=int, default=288, help="wordpieces of a packed block")
    parser.add_argument("--template", default=packing.TITLE_BODY, help="title_body or body")
    parser.add_argument("--language", default="en", help="ISO 639 code of the corpus's language")
    parser.add_argument("--num_shards", type=int, default=8, help="files of the segment")
    return build_blocks(**vars(parser.parse_args(own)), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
