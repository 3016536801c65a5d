# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Throughput of a span tagger over blocks: batched by length, against what one might do instead.

    python -m benchmarks.tag_speed SPAN_TAGGER_DIR BLOCKS_DIR [--blocks 200] [--rounds 3]

Every candidate tags the same blocks, the first of a segment, sentence by sentence: in batches of
similar lengths (what `realm tag` does); one sentence after the other; in batches in the order of
the text, padded to the longest input that the tagger takes. The spans are compared first. Rounds
interleave the candidates; medians are reported, in wall-clock and CPU seconds, which are the
steadier ones on a busy machine.
"""

from __future__ import annotations

import realm_tf  # noqa: F401  # isort: skip - chooses Keras 2, so it comes before TensorFlow

import argparse
import json
import time
from collections.abc import Callable, Iterator
from unittest import mock

import numpy as np

from beam_jobs import tag_spans_taggers
from realm_tf import artifacts, types
from realm_tf.data.blocks import table as block_table
from realm_tf.data.tagging import tag_predictions

BY_LENGTH, ONE_BY_ONE, PADDED = "batched by length", "one by one", "padded to the maximum"
Tag = Callable[[], list[tag_spans_taggers.Found]]


def read_blocks(path: str, count: int) -> list[types.Block]:
    """The first blocks of a segment."""
    table = block_table.BlockTable.open(artifacts.open_segment(path))
    return [table.block(row) for row in range(min(count, len(table)))]


def in_order(
    sizes: np.ndarray, *, length: int, batch_size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """In place of `tag_predictions.by_length`: in the order of the text, padded to the maximum."""
    for start in range(0, len(sizes), batch_size):
        yield np.arange(start, min(start + batch_size, len(sizes))), length


def candidates(segment: artifacts.Segment, blocks: list[types.Block]) -> dict[str, Tag]:
    """What is compared."""
    tagger = tag_spans_taggers.ModelTagger(segment)
    alone = tag_spans_taggers.ModelTagger(segment, batch_size=1)

    def padded() -> list[tag_spans_taggers.Found]:
        with mock.patch.object(tag_predictions, "by_length", in_order):
            return tagger(blocks)

    return {BY_LENGTH: lambda: tagger(blocks), ONE_BY_ONE: lambda: alone(blocks), PADDED: padded}


def measure(taggers: dict[str, Tag], rounds: int) -> dict[str, np.ndarray]:
    """<float>[2] median wall-clock and CPU seconds of every candidate."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in taggers}
    for number in range(rounds):
        names = list(taggers)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            started = time.perf_counter(), time.process_time()
            taggers[name]()
            seconds[name].append(
                (time.perf_counter() - started[0], time.process_time() - started[1])
            )
    return {name: np.median(values, axis=0) for name, values in seconds.items()}


def main() -> None:
    """Measures, and prints a line per candidate and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tagger")
    parser.add_argument("segment", metavar="blocks", help="segment of blocks")
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    segment = artifacts.open_segment(args.tagger)
    blocks = read_blocks(args.segment, args.blocks)
    taggers = candidates(segment, blocks)
    found = {name: tag() for name, tag in taggers.items()}
    spans = {
        name: {(i, s) for i, f in enumerate(of) for s in f.spans} for name, of in found.items()
    }
    sentences = sum(len(block.sentence_byte_start) for block in blocks)
    figures = {}
    for name, (wall, cpu) in measure(taggers, args.rounds).items():
        differ = len(spans[name] ^ spans[BY_LENGTH])
        figures[name] = {
            "blocks_per_second": round(float(len(blocks) / wall), 2),
            "blocks_per_cpu_second": round(float(len(blocks) / cpu), 2),
            "spans_that_differ": differ,
        }
        print(f"{name:22} {figures[name]}")
    counts = {"blocks": len(blocks), "sentences": sentences, "spans": len(spans[BY_LENGTH])}
    print(
        json.dumps(
            {**counts, "dtype": segment.settings.get("span_tagger", {}).get("dtype"), **figures}
        )
    )


if __name__ == "__main__":
    main()
