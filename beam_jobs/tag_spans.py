# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Marks the salient spans of blocks: shard in, shard out.

The passages have the blocks' shards and order, so that a row of one is the same row of the other.
"""

from __future__ import annotations

import argparse
import collections
import logging
import sys
from collections.abc import Iterator, Sequence

import apache_beam as beam
import numpy as np
from apache_beam.metrics import metric

from beam_jobs import runner, sinks, transforms
from realm_tf import artifacts, types
from realm_tf.data import blocks as blocks_lib
from realm_tf.text import salient

TAGGERS = ("rules",)

_LOGGER = logging.getLogger(__name__)


def tag(block: types.Block, unk_id: int) -> tuple[types.Passage, collections.Counter[str]]:
    """Marks the names and dates of a block.

    Args:
      block: Any block.
      unk_id: Id of the unknown wordpiece. A span that holds one cannot be predicted.

    Returns:
      passage: The block with its spans, each of whole wordpieces.
      skipped: Reason to number of spans left out: "unknown_wordpiece", "inside_wordpiece".
    """
    skipped: collections.Counter[str] = collections.Counter()
    sentences = zip(
        block.sentence_byte_start.tolist(), block.sentence_byte_limit.tolist(), strict=True
    )
    spans = []
    for byte_start, byte_limit, label in salient.tag(block.text, list(sentences)):
        span = locate(block, byte_start, byte_limit, label, unk_id)
        if isinstance(span, types.Span):
            spans.append(span)
        else:
            skipped[span] += 1
    return types.Passage(block, tuple(spans)), skipped


def locate(
    block: types.Block, byte_start: int, byte_limit: int, label: str, unk_id: int
) -> types.Span | str:
    """A span as wordpieces; or why it is left out: "unknown_wordpiece", "inside_wordpiece"."""
    first = int(np.searchsorted(block.token_byte_start, byte_start))
    limit = int(np.searchsorted(block.token_byte_limit, byte_limit, side="right"))
    if not _is_aligned(block, first, limit, byte_start, byte_limit):
        return "inside_wordpiece"
    if unk_id in block.token_ids[first:limit]:
        return "unknown_wordpiece"
    return types.Span(byte_start, byte_limit, first, limit, label)


def _is_aligned(
    block: types.Block, first: int, limit: int, byte_start: int, byte_limit: int
) -> bool:
    return (
        first < limit
        and block.token_byte_start[first] == byte_start
        and block.token_byte_limit[limit - 1] == byte_limit
    )


class TagSpans(beam.PTransform):
    """(shard, path of its blocks) to (shard, counts), writing passage shards.

    Args:
      output: The segment.
      vocab: Path of the "vocab" segment.
    """

    def __init__(self, output: sinks.Output, *, vocab: str):
        super().__init__()
        self._tag = _TagShard(output, vocab)

    def expand(
        self, shards: beam.PCollection[tuple[int, str]]
    ) -> beam.PCollection[tuple[int, dict[str, int]]]:
        """Tags and writes one shard per pair."""
        return shards | beam.Reshuffle() | "TagShard" >> beam.ParDo(self._tag)


class _TagShard(beam.DoFn):
    def __init__(self, output: sinks.Output, vocab: str):
        self._output = output
        self._vocab = vocab
        self._spans = metric.Metrics.counter("tag_spans", "spans")

    def setup(self) -> None:
        self._unk_id = transforms.open_tokenizer(self._vocab).unk_id

    def process(self, element: tuple[int, str]) -> Iterator[tuple[int, dict[str, int]]]:
        shard, path = element
        counts = collections.Counter(skipped_unknown_wordpiece=0, skipped_inside_wordpiece=0)
        counts.update(sinks.write_shard(self._output, shard, self._passages(path, counts)))
        self._spans.inc(counts["spans"])
        yield shard, dict(counts)

    def _passages(self, path: str, counts: collections.Counter[str]) -> Iterator[types.Passage]:
        for record in blocks_lib.read(path):
            block = record.block if isinstance(record, types.Passage) else record
            passage, skipped = tag(block, self._unk_id)
            counts.update({f"skipped_{reason}": n for reason, n in skipped.items()})
            yield passage


def tag_spans(
    *,
    blocks: str,
    vocab: str,
    output_root: str,
    tagger: str = "rules",
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Marks the salient spans of all blocks of a segment.

    Args:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment that it was made with.
      output_root: Directory of segments.
      tagger: What finds the spans: "rules" (`salient`).
      beam_args: Pipeline options.

    Returns:
      The "passages" segment; at once if it is there already.

    Raises:
      UserError: If the blocks were made with another vocabulary, or are damaged.
    """
    if tagger not in TAGGERS:
        raise types.UserError(f"Unknown tagger {tagger!r}. Valid: {', '.join(TAGGERS)}.")
    segment = artifacts.open_segment(blocks, blocks_lib.BLOCKS)
    tokenizer = transforms.open_tokenizer(vocab)
    artifacts.require_same(
        "tokenizer", (blocks, segment.made_from["tokenizer"]), (vocab, tokenizer.fingerprint)
    )
    settings = {
        "tagger": tagger,
        "rules_version": salient.RULES_VERSION,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {"blocks": segment.fingerprint, "tokenizer": tokenizer.fingerprint}
    kind = blocks_lib.PASSAGES
    path = artifacts.recipe_path(output_root, kind, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, kind, verify=False)
    writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
    shards = list(enumerate(segment.files(f"{blocks_lib.BLOCKS}-")))
    output = sinks.Output(path, kind, len(shards))
    _LOGGER.info("tagging %d shards into %s", len(shards), path)
    with runner.pipeline(beam_args) as pipeline:
        counts = pipeline | "Shards" >> beam.Create(shards) | TagSpans(output, vocab=vocab)
        _ = counts | "WriteReport" >> sinks.WriteReport(output)
    return sinks.commit(writer, output, blocks)


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="tag_spans", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", required=True, help="path of the blocks segment")
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument("--tagger", choices=TAGGERS, default="rules", help="what finds the spans")
    return tag_spans(**vars(parser.parse_args(own)), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
