# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Takes over a corpus of the original code: one record is one block.

All formats give "blocks"; `realm-pretrain` also gives "spans", the spans that it brings. A record's
shard is a hash of its title and text, and inside a shard records are sorted, so that the segment
depends neither on the workers nor on how the corpus is cut into files.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow as tf

from beam_jobs import import_corpus_transforms
from beam_jobs.engine import outputs, problems, runner
from realm_tf import artifacts, types
from realm_tf.data.blocks import duplicates, keys, schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.reference import formats as reference_formats
from realm_tf.data.reference import ready_blocks
from realm_tf.text import packing

_OF_SPANS = ("blocks", "spans", "skipped_")  # names of counts that tell of spans

_LOGGER = logging.getLogger(__name__)


class ImportedCorpus(NamedTuple):
    """What a corpus of the original code becomes.

    Attributes:
      blocks: Segment "blocks".
      spans: Segment "spans" that marks them; None where the format brings no spans.
    """

    blocks: artifacts.Segment
    spans: artifacts.Segment | None


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
) -> ImportedCorpus:
    """Takes over a corpus of the original code.

    Args:
      input: Glob pattern of its files; see `reference_formats`.
      format: One of `reference_formats.FORMATS`.
      vocab: Path of the "vocab" segment.
      output_root: Directory of segments.
      length: Length of packed blocks, in wordpieces, title and special tokens included; what does
        not fit is cut, and counted.
      language: ISO 639 code, for the sentence boundaries where records do not give them.
      template: What embedders read of a block, "title_body" or "body"; the segment says it.
      num_shards: Files of the segment. One shard's records must fit in a worker's memory.
      beam_args: Pipeline options.

    Returns:
      The segments; at once if they are there.

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
        "packing_version": keys.PACKING_VERSION,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {
        "tokenizer": tokenizer.fingerprint,
        "corpus": reference_formats.fingerprint(files),
    }
    path, spans_path = (
        artifacts.recipe_path(output_root, kind, settings=settings, made_from=made_from)
        for kind in (schema.BLOCKS, schema.SPANS)
    )
    has_spans = format not in reference_formats.BLOCK_FORMATS
    if artifacts.is_complete(path) and (not has_spans or artifacts.is_complete(spans_path)):
        return _open(path, spans_path if has_spans else None)
    ready_blocks.ReadyBlocks(tokenizer, length=length, language=language)  # checks
    sources = reference_formats.locate(files)
    version = schema.SCHEMA_VERSION
    writer = artifacts.SegmentWriter(
        path, kind=schema.BLOCKS, settings=settings, made_from=made_from, schema_version=version
    )
    output = outputs.Output(path, schema.BLOCKS, num_shards)
    marks = outputs.Output(spans_path, schema.SPANS, num_shards) if has_spans else None
    if marks is not None:
        tf.io.gfile.makedirs(marks.path)
    _LOGGER.info("taking over %d files into %s", len(files), path)
    with runner.pipeline(beam_args) as pipeline:
        job = import_corpus_transforms.ImportCorpus(
            output, marks, fmt=format, vocab=vocab, length=length, language=language
        )
        made = pipeline | beam.Create([tuple(s) for s in sources]) | "ImportCorpus" >> job
        _ = made["counts"] | "WriteReport" >> outputs.WriteReport(output)
        _ = made[problems.PROBLEMS] | "RaiseProblems" >> problems.RaiseProblems()
    shard_paths = [outputs.shard_path(output, number) for number in range(num_shards)]
    ids = [block_table.BlockTable.of_shard(shard).block_ids for shard in shard_paths]
    duplicates.require_distinct_ids(np.concatenate(ids))
    segment = outputs.commit(writer, output, input)
    if marks is not None:
        _commit_spans(segment, marks)
    _warn_of_other_wordpieces(segment, vocab)
    return _open(path, spans_path if has_spans else None)


def _open(path: str, spans_path: str | None) -> ImportedCorpus:
    spans = spans_path and artifacts.open_segment(spans_path, schema.SPANS, verify=False)
    return ImportedCorpus(artifacts.open_segment(path, schema.BLOCKS, verify=False), spans or None)


def _commit_spans(blocks: artifacts.Segment, marks: outputs.Output) -> None:
    writer = artifacts.SegmentWriter(
        marks.path,
        kind=schema.SPANS,
        settings=blocks.settings,
        made_from={**blocks.made_from, "blocks": blocks.fingerprint},
        schema_version=schema.SCHEMA_VERSION,
    )
    for number, shard in enumerate(blocks.shards):
        writer.add(outputs.shard_name(marks, number), num_records=shard.num_records)
    writer.commit(**{n: c for n, c in blocks.counts.items() if n.startswith(_OF_SPANS)})


def _warn_of_other_wordpieces(segment: artifacts.Segment, vocab: str) -> None:
    other, total = segment.counts["with_other_wordpieces"], segment.counts["documents"]
    if other > total / 2:
        _LOGGER.warning(
            "%s of %s records were made with other wordpieces than %s gives. Vectors that were made"
            " of the same records need the vocabulary of their model.",
            *(f"{other:.0f}", f"{total:.0f}", vocab),
        )


def run(argv: Sequence[str] | None = None) -> ImportedCorpus:
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
