# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Marks the salient spans of blocks: shard in, shard out.

The spans have the blocks' shards and order, so that a row of one is the same row of the other.
Blocks are tagged some hundred at a time, in the order of their shard: memory is bounded, and what
is tagged together, and so every bit of the result, does not depend on the workers.
"""

from __future__ import annotations

import atexit
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.utils import shared

from beam_jobs import tag_spans_taggers
from beam_jobs.engine import (
    job_folder,
    launch,
    outputs,
    progress,
    shard_job,
    tokenizers,
    work_items,
)
from beam_jobs.engine import report as job_report
from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data.blocks import schema, shards
from realm_tf.data.blocks import spans as block_spans
from realm_tf.data.blocks import table as block_table
from realm_tf.text import dates as date_lib
from realm_tf.text import salient

STEP = "TagShard"

_WINDOW_BLOCKS = 256
_SKIPPED = ("unknown_wordpiece", "inside_wordpiece", "overlapping")
_SAMPLES = 5


@dataclasses.dataclass(frozen=True)
class Params:
    """What is marked, and how.

    Attributes:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment that the blocks were made with.
      output_root: Directory of segments.
      config: Section `tagging`: what finds the spans, and the rules for dates.
    """

    blocks: str
    vocab: str
    output_root: str
    config: config_lib.Config = config_lib.Config()


def to_passage(
    block: types.Block, found: tag_spans_taggers.Found, unk_id: int, tally: job_report.Tally
) -> types.Passage:
    """Marks a block with what a tagger found in it, span by span, and counts them for the report.

    Args:
      block: Any block.
      found: Its spans.
      unk_id: Id of the unknown wordpiece. A span that holds one cannot be predicted.
      tally: Gets the spans by label, "spans_DATE" and so on, and those that are left out by
        reason: "unknown_wordpiece", "inside_wordpiece", "overlapping".

    Returns:
      The block with its spans, each of whole wordpieces.
    """
    where = f"block {block.block_id}"
    for _ in range(found.num_overlapping):
        tally.drop("overlapping", where)
    spans = []
    for byte_start, byte_limit, label in found.spans:
        span = block_spans.locate(block, byte_start, byte_limit, label, unk_id)
        if isinstance(span, types.Span):
            spans.append(span)
            tally.count(f"spans_{label}")
        else:
            tally.drop(span, where)
    return types.Passage(block, tuple(spans))


class TagFn(work_items.ItemFn):
    """Tags the blocks of one shard, and writes the shard of spans.

    Args:
      folder: Directory of the job.
      output: The segment.
      params: Parameters of the job.
    """

    def __init__(self, folder: job_folder.Folder, output: outputs.Output, params: Params):
        super().__init__(folder, STEP)
        self._output = output
        self._vocab = params.vocab
        self._tagger = (params.config.tagging.tagger, params.config.tagging.dates)
        self._shared = shared.Shared()

    def setup(self) -> None:
        """Opens the tagger, once in a process."""
        self._unk_id = tokenizers.open_once(self._vocab).unk_id
        self._opened = self._shared.acquire(self._open, tag=" ".join(self._tagger))

    def work(self, number: int, path: str) -> dict[str, Any]:
        """Tags; see the class. The result: "tally", "counts" and `FILES`."""
        tally = job_report.Tally()
        tally.count("blocks", 0)  # also of a shard without blocks
        table = block_table.BlockTable.of_shard(path)
        columns = schema.of_spans(schema.byte_type_of(shards.columns(path)))
        found = self._spans(table, tally, self.folder.note(STEP, number))
        marked = (schema.span_batch(rows, columns) for rows in found)
        shards.write(self._output.shard(number), marked, columns)
        return {
            "tally": vars(tally),
            "counts": tally.beam_counts(),
            outputs.FILES: {schema.SPANS: [self._output.measure(number, len(table))]},
        }

    def _open(self) -> _Opened:
        return _Opened(tag_spans_taggers.make(*self._tagger))

    def _spans(
        self, table: block_table.BlockTable, tally: job_report.Tally, note: progress.ItemProgress
    ) -> Iterator[list[tuple[types.Span, ...]]]:
        """The spans of the blocks of every window."""
        for first in range(0, len(table), _WINDOW_BLOCKS):
            rows = range(first, min(first + _WINDOW_BLOCKS, len(table)))
            blocks = [table.block(row) for row in rows]
            found = zip(blocks, self._opened.tagger(blocks), strict=True)
            passages = [to_passage(block, spans, self._unk_id, tally) for block, spans in found]
            for passage in passages:
                _measure(passage, tally)
            note(rows.stop, len(table))
            yield [passage.spans for passage in passages]


def _measure(passage: types.Passage, tally: job_report.Tally) -> None:
    tally.count("blocks")
    tally.count("spans", len(passage.spans))
    tally.measure("spans of a block", [len(passage.spans)])
    tally.measure("wordpieces of a span", (s.token_limit - s.token_start for s in passage.spans))
    key = f"{passage.block.block_id:020}"
    tally.sample(key, _SAMPLES, text=passage.block.text, spans=_listed(passage))


def _listed(passage: types.Passage) -> str:
    text = passage.block.text.encode("utf-8")
    return "; ".join(
        f"{text[span.byte_start : span.byte_limit].decode()} [{span.label}]"
        for span in passage.spans
    )


class _Opened:
    """A tagger in a worker's memory; an object, because a function cannot be weakly shared."""

    def __init__(self, tagger: tag_spans_taggers.BlockTagger):
        self.tagger = tagger
        # Beam keeps it to the end, when TensorFlow's modules, which it needs to go, have gone.
        atexit.register(self._close)

    def _close(self) -> None:
        del self.tagger


def tag_spans(
    params: Params, *, beam_args: Sequence[str] = (), resume: bool = True
) -> artifacts.Segment:
    """Marks the salient spans of all blocks of a segment.

    The job's own directory, with its report, is beside the segment.

    Args:
      params: What is marked, and how.
      beam_args: Pipeline options.
      resume: Whether to go on with what a killed job left, rather than to do everything again.

    Returns:
      The "spans" segment; at once if it is there already.

    Raises:
      UserError: If the blocks were made with another vocabulary, if blocks or tagger are damaged,
        or there is no such tagger, or no such rules for dates.
    """
    tagging = params.config.tagging
    date_rules = date_lib.load(tagging.dates)
    model = tag_spans_taggers.open_segment(tagging.tagger)
    blocks = artifacts.open_segment(params.blocks, schema.BLOCKS)
    tokenizer = tokenizers.check(params.vocab, blocks)
    settings = {
        "tagger": tag_spans_taggers.RULES if model is None else model.kind,
        "rules_version": salient.RULES_VERSION,
        "dates": date_rules.language,
        "date_rules": date_rules.fingerprint,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {"blocks": blocks.fingerprint, "tokenizer": tokenizer.fingerprint}
    if model is not None:
        made_from["span_tagger"] = model.fingerprint
    recipe = shard_job.Recipe(params.output_root, schema.SPANS, settings, made_from)
    head = {"job": "tag", "blocks": params.blocks, "tagger": tagging.tagger}
    return shard_job.finished(recipe, STEP) or shard_job.make(
        recipe,
        [(file,) for file in blocks.files(f"{schema.BLOCKS}-")],
        lambda folder, output: TagFn(folder, output, params),
        lambda folder, results: _finish(folder, head, results),
        beam_args=beam_args,
        resume=resume,
    )


def _finish(
    folder: job_folder.Folder, head: dict[str, str], results: list[dict[str, Any]]
) -> dict[str, int]:
    """Writes the report; returns the counts of the segment."""
    tally = job_report.total(results)
    job_report.write(folder, head, tally)
    skipped = {f"skipped_{reason}": tally.dropped.get(reason, 0) for reason in _SKIPPED}
    return {"spans": 0, **tally.counts, **skipped}


if __name__ == "__main__":
    launch.run(__spec__.name)
