# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Marks the salient spans of blocks: shard in, shard out.

The spans have the blocks' shards and order, so that a row of one is the same row of the other.
Blocks are tagged some hundred at a time, in the order of their shard: memory is bounded, and what
is tagged together, and so every bit of the result, does not depend on the workers. A job that was
killed goes on with the shards that are missing.
"""

from __future__ import annotations

import argparse
import atexit
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.utils import shared

from beam_jobs import tag_spans_taggers
from beam_jobs.engine import outputs, problems, runner, work_items
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

_LOGGER = logging.getLogger(__name__)


def to_passage(
    block: types.Block, found: tag_spans_taggers.Found, unk_id: int, tally: job_report.Tally
) -> types.Passage:
    """A block with the spans that were found in it, as wordpieces.

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
      vocab: Path of the "vocab" segment.
      tagger: "rules", or the path of a "span_tagger" segment.
      dates: Date rules; see `text.dates.load`.
    """

    def __init__(
        self,
        folder: work_items.Folder,
        output: outputs.Output,
        *,
        vocab: str,
        tagger: str,
        dates: str,
    ):
        super().__init__(folder, STEP)
        self._output = output
        self._vocab = vocab
        self._tagger = (tagger, dates)
        self._shared = shared.Shared()

    def setup(self) -> None:
        """Opens the tagger, once in a process."""
        self._unk_id = problems.open_tokenizer(self._vocab).unk_id
        self._opened = self._shared.acquire(self._open, tag=" ".join(self._tagger))

    def work(self, number: int, path: str) -> dict[str, Any]:
        """Tags; see the class. The result: "tally", "counts" and "num_bytes"."""
        tally = job_report.Tally()
        tally.count("blocks", 0)  # also of a shard without blocks
        table = block_table.BlockTable.of_shard(path)
        columns = schema.of_spans(schema.byte_type_of(shards.columns(path)))
        marked = (schema.span_batch(rows, columns) for rows in self._spans(table, tally))
        shards.write(outputs.shard_path(self._output, number), marked, columns)
        return {
            "tally": vars(tally),
            "counts": tally.beam_counts(),
            "num_bytes": outputs.shard_bytes(self._output, number),
        }

    def _open(self) -> _Opened:
        return _Opened(tag_spans_taggers.make(*self._tagger))

    def _spans(
        self, table: block_table.BlockTable, tally: job_report.Tally
    ) -> Iterator[list[tuple[types.Span, ...]]]:
        """The spans of the blocks of every window."""
        for first in range(0, len(table), _WINDOW_BLOCKS):
            rows = range(first, min(first + _WINDOW_BLOCKS, len(table)))
            blocks = [table.block(row) for row in rows]
            found = zip(blocks, self._opened.tagger(blocks), strict=True)
            passages = [to_passage(block, spans, self._unk_id, tally) for block, spans in found]
            for passage in passages:
                _measure(passage, tally)
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
    *,
    blocks: str,
    vocab: str,
    output_root: str,
    tagger: str = tag_spans_taggers.RULES,
    dates: str = salient.ENGLISH,
    wave_size: int = config_lib.JobsConfig().wave_size,
    resume: bool = True,
    beam_args: Sequence[str] = (),
) -> artifacts.Segment:
    """Marks the salient spans of all blocks of a segment.

    The job's own directory, with its report, is beside the segment.

    Args:
      blocks: Path of the "blocks" segment.
      vocab: Path of the "vocab" segment that it was made with.
      output_root: Directory of segments.
      tagger: What finds the spans: "rules" (`salient`), or the path of a "span_tagger" segment,
        which may have another vocabulary.
      dates: Date rules: a bundled language, the path of a file of rules, or "none".
      wave_size: Shards of one pipeline of the local runner; see `work_items.run`.
      resume: Whether to go on with what a killed job left, rather than to do everything again.
      beam_args: Pipeline options.

    Returns:
      The "spans" segment; at once if it is there already.

    Raises:
      UserError: If the blocks were made with another vocabulary, if blocks or tagger are damaged,
        or there is no such tagger, or no such rules for dates.
    """
    date_rules = date_lib.load(dates)
    model = tag_spans_taggers.open_segment(tagger)
    segment = artifacts.open_segment(blocks)
    artifacts.require_kind(segment, schema.BLOCKS, schema.SCHEMA_VERSION)
    tokenizer = problems.open_tokenizer(vocab)
    artifacts.require_same(
        "tokenizer", (blocks, segment.made_from["tokenizer"]), (vocab, tokenizer.fingerprint)
    )
    settings = {
        "tagger": tag_spans_taggers.RULES if model is None else model.kind,
        "rules_version": salient.RULES_VERSION,
        "dates": date_rules.language,
        "date_rules": date_rules.fingerprint,
        "vocab_size": tokenizer.vocab_size,
    }
    made_from = {"blocks": segment.fingerprint, "tokenizer": tokenizer.fingerprint}
    if model is not None:
        made_from["span_tagger"] = model.fingerprint
    kind = schema.SPANS
    path = artifacts.recipe_path(output_root, kind, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        work_items.Folder(work_items.job_folder(path)).remove(STEP)
        return artifacts.open_segment(path, kind, verify=False)
    items = [(file,) for file in segment.files(f"{schema.BLOCKS}-")]
    output = outputs.Output(path, kind, len(items))
    with artifacts.storage_errors():
        writer = artifacts.SegmentWriter(
            path,
            kind=kind,
            settings=settings,
            made_from=made_from,
            schema_version=schema.SCHEMA_VERSION,
        )
        folder = work_items.open_folder(
            work_items.job_folder(path), {"items": items}, resume=resume
        )
        outputs.forget_broken(folder, STEP, output)
        _LOGGER.info("tagging %d shards into %s", len(items), path)
        fn = TagFn(folder, output, vocab=vocab, tagger=tagger, dates=dates)
        work_items.run(fn, items, beam_args=beam_args, wave_size=wave_size)
        return _commit(folder, writer, output, {"job": "tag", "blocks": blocks, "tagger": tagger})


def _commit(
    folder: work_items.Folder,
    writer: artifacts.SegmentWriter,
    output: outputs.Output,
    head: dict[str, str],
) -> artifacts.Segment:
    results = list(folder.results(STEP, output.num_shards))
    tally = job_report.total(results)
    job_report.write(folder, head, tally)
    skipped = {f"skipped_{reason}": tally.dropped.get(reason, 0) for reason in _SKIPPED}
    segment = outputs.commit_shards(
        writer,
        output,
        [result["tally"]["counts"]["blocks"] for result in results],
        {"spans": 0, **tally.counts, **skipped},
        head["blocks"],
    )
    folder.remove(STEP)
    return segment


def run(argv: Sequence[str] | None = None) -> artifacts.Segment:
    """Runs the job from command-line arguments; Beam's own options come after `--`."""
    own, beam_args = runner.split_args(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="tag_spans", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", required=True, help="path of the blocks segment")
    parser.add_argument("--vocab", required=True, help="path of the vocab segment")
    parser.add_argument("--output_root", required=True, help="directory of segments")
    parser.add_argument(
        "--tagger", default=tag_spans_taggers.RULES, help="rules, or path of a span_tagger segment"
    )
    parser.add_argument(
        "--dates", default=salient.ENGLISH, help="rules for dates: en, de, none, or a file"
    )
    parser.add_argument(
        "--wave_size", type=int, default=config_lib.JobsConfig().wave_size, help="shards at a time"
    )
    parser.add_argument(
        "--resume", action=argparse.BooleanOptionalAction, default=True, help="go on, or anew"
    )
    return tag_spans(**vars(parser.parse_args(own)), beam_args=beam_args)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    run()
