# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Marks the salient spans of blocks: shard in, shard out.

The passages have the blocks' shards and order, so that a row of one is the same row of the other.
Blocks are tagged some hundred at a time, in the order of their shard: memory is bounded, and what
is tagged together, and so every bit of the result, does not depend on the workers.
"""

from __future__ import annotations

import argparse
import atexit
import collections
import itertools
import logging
import sys
from collections.abc import Iterator, Sequence

import apache_beam as beam
import numpy as np
from apache_beam.metrics import metric
from apache_beam.utils import shared

from beam_jobs import block_taggers, runner, sinks, transforms
from realm_tf import artifacts, types
from realm_tf.data import blocks as blocks_lib
from realm_tf.text import dates as date_lib
from realm_tf.text import salient

_WINDOW_BLOCKS = 256
_SKIPPED = ("skipped_unknown_wordpiece", "skipped_inside_wordpiece", "skipped_overlapping")

_LOGGER = logging.getLogger(__name__)


def to_passage(
    block: types.Block, found: block_taggers.Found, unk_id: int
) -> tuple[types.Passage, collections.Counter[str]]:
    """A block with the spans that were found in it, as wordpieces.

    Args:
      block: Any block.
      found: Its spans.
      unk_id: Id of the unknown wordpiece. A span that holds one cannot be predicted.

    Returns:
      passage: The block with its spans, each of whole wordpieces.
      counts: Spans by label, "spans_DATE" and so on, and those that were left out by reason:
        "skipped_unknown_wordpiece", "skipped_inside_wordpiece", "skipped_overlapping".
    """
    counts: collections.Counter[str] = collections.Counter()
    if found.num_overlapping:
        counts["skipped_overlapping"] = found.num_overlapping
    spans = []
    for byte_start, byte_limit, label in found.spans:
        span = locate(block, byte_start, byte_limit, label, unk_id)
        if isinstance(span, types.Span):
            spans.append(span)
            counts[f"spans_{label}"] += 1
        else:
            counts[f"skipped_{span}"] += 1
    return types.Passage(block, tuple(spans)), counts


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
      tagger: "rules", or the path of a "span_tagger" segment.
      dates: Date rules; see `text.dates.load`.
    """

    def __init__(
        self,
        output: sinks.Output,
        *,
        vocab: str,
        tagger: str = block_taggers.RULES,
        dates: str = salient.ENGLISH,
    ):
        super().__init__()
        self._tag = _TagShard(output, vocab, tagger, dates)

    def expand(
        self, shards: beam.PCollection[tuple[int, str]]
    ) -> beam.PCollection[tuple[int, dict[str, int]]]:
        """Tags and writes one shard per pair."""
        return shards | beam.Reshuffle() | "TagShard" >> beam.ParDo(self._tag)


class _TagShard(beam.DoFn):
    def __init__(self, output: sinks.Output, vocab: str, *tagger: str):
        self._output = output
        self._vocab = vocab
        self._tagger = tagger
        self._shared = shared.Shared()

    def setup(self) -> None:
        self._unk_id = transforms.open_tokenizer(self._vocab).unk_id
        self._find = self._shared.acquire(self._open, tag=" ".join(self._tagger))

    def process(self, element: tuple[int, str]) -> Iterator[tuple[int, dict[str, int]]]:
        shard, path = element
        counts = collections.Counter(dict.fromkeys(_SKIPPED, 0))
        counts.update(sinks.write_shard(self._output, shard, self._passages(path, counts)))
        for name, number in counts.items():
            if name.startswith(("spans", "skipped")):
                metric.Metrics.counter("tag_spans", name).inc(number)
        yield shard, dict(counts)

    def _open(self) -> _Opened:
        return _Opened(block_taggers.make(*self._tagger))

    def _passages(self, path: str, counts: collections.Counter[str]) -> Iterator[types.Passage]:
        records = blocks_lib.read(path)
        while window := list(itertools.islice(records, _WINDOW_BLOCKS)):
            blocks = [r.block if isinstance(r, types.Passage) else r for r in window]
            for block, found in zip(blocks, self._find.tagger(blocks), strict=True):
                passage, of_block = to_passage(block, found, self._unk_id)
                counts.update(of_block)
                yield passage


class _Opened:
    """A tagger in a worker's memory; an object, because a function cannot be weakly shared."""

    def __init__(self, tagger: block_taggers.BlockTagger):
        self.tagger = tagger
        # Beam keeps it to the end, when TensorFlow's modules, which it needs to go, have gone.
        atexit.register(self._close)

    def _close(self) -> None:
        del self.tagger


def tag_spans(
    *,
    blocks: str,
    vocab: str,
    output_root: str,
    tagger: str = block_taggers.RULES,
    dates: str = salient.ENGLISH,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Marks the salient spans of all blocks of a segment.

    Args:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment that it was made with.
      output_root: Directory of segments.
      tagger: What finds the spans: "rules" (`salient`), or the path of a "span_tagger" segment,
        which may have another vocabulary.
      dates: Date rules: a bundled language, the path of a file of rules, or "none".
      beam_args: Pipeline options.

    Returns:
      The "passages" segment; at once if it is there already.

    Raises:
      UserError: If the blocks were made with another vocabulary, if blocks or tagger are damaged,
        or there is no such tagger, or no such rules for dates.
    """
    date_rules = date_lib.load(dates)
    model = block_taggers.open_segment(tagger)
    segment = artifacts.open_segment(blocks, blocks_lib.BLOCKS)
    tokenizer = transforms.open_tokenizer(vocab)
    artifacts.require_same(
        "tokenizer", (blocks, segment.made_from["tokenizer"]), (vocab, tokenizer.fingerprint)
    )
    settings = {
        "tagger": block_taggers.RULES if model is None else model.kind,
        "rules_version": salient.RULES_VERSION,
        "dates": date_rules.language,
        "date_rules": date_rules.fingerprint,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {"blocks": segment.fingerprint, "tokenizer": tokenizer.fingerprint}
    if model is not None:
        made_from["span_tagger"] = model.fingerprint
    kind = blocks_lib.PASSAGES
    path = artifacts.recipe_path(output_root, kind, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, kind, verify=False)
    writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
    shards = list(enumerate(segment.files(f"{blocks_lib.BLOCKS}-")))
    output = sinks.Output(path, kind, len(shards))
    _LOGGER.info("tagging %d shards into %s", len(shards), path)
    tagging = TagSpans(output, vocab=vocab, tagger=tagger, dates=dates)
    with runner.pipeline(beam_args) as pipeline:
        counts = pipeline | "Shards" >> beam.Create(shards) | tagging
        _ = counts | "WriteReport" >> sinks.WriteReport(output)
    return sinks.commit(writer, output, blocks)


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="tag_spans", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", required=True, help="path of the blocks segment")
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument(
        "--tagger", default=block_taggers.RULES, help="rules, or path of a span_tagger segment"
    )
    parser.add_argument(
        "--dates", default=salient.ENGLISH, help="rules for dates: en, de, none, or a file"
    )
    return tag_spans(**vars(parser.parse_args(own)), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
