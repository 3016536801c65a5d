# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What finds the salient spans of blocks: rules alone, or a trained tagger for names."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from realm_tf import artifacts, types
from realm_tf.models.inference import span_finder, tagger_export
from realm_tf.text import salient

RULES = "rules"


class Found(NamedTuple):
    """The spans of a block.

    Attributes:
      spans: Spans in order, in bytes of the text, not overlapping, each inside one sentence.
      num_overlapping: Other spans, left out because they overlap with these.
    """

    spans: list[salient.SalientSpan]
    num_overlapping: int = 0


BlockTagger = Callable[[Sequence[types.Block]], list[Found]]


def open_segment(tagger: str) -> artifacts.Segment | None:
    """The segment that a `--tagger` names; None for rules.

    Raises:
      UserError: If it is neither "rules" nor a "span_tagger" segment.
    """
    if tagger == RULES:
        return None
    if not artifacts.is_complete(tagger):
        raise types.UserError(
            f'The tagger must be "rules" or the path of a "span_tagger" segment, which realm train'
            f" realm/span_tagger makes. Received: {tagger!r}."
        )
    return artifacts.open_segment(tagger, tagger_export.KIND)


def make(tagger: str, dates: str = salient.ENGLISH) -> BlockTagger:
    """The tagger that a `--tagger` names, with the date rules that `--dates` names."""
    segment = open_segment(tagger)
    if segment is None:
        return functools.partial(tag_by_rules, dates=dates)
    return ModelTagger(segment, dates=dates)


def tag_by_rules(blocks: Sequence[types.Block], dates: str = salient.ENGLISH) -> list[Found]:
    """The block tagger without a model: names by rules for English, dates by those of `dates`."""
    return [Found(salient.tag(block.text, _sentences(block), dates)) for block in blocks]


class ModelTagger:
    """Names by a trained tagger, sentence by sentence, and dates by rules.

    Args:
      segment: The "span_tagger".
      dates: Date rules; see `text.dates.load`.
      batch_size: Sentences per call of the tagger.
    """

    def __init__(
        self,
        segment: artifacts.Segment,
        *,
        dates: str = salient.ENGLISH,
        batch_size: int = span_finder.BATCH_SIZE,
    ):
        self._dates = dates
        self._finder = span_finder.SpanFinder(segment, batch_size=batch_size)

    def __call__(self, blocks: Sequence[types.Block]) -> list[Found]:
        """Tags the sentences of all blocks together, in batches by length."""
        places = [(i, *span) for i, block in enumerate(blocks) for span in _sentences(block)]
        texts = [block.text.encode("utf-8") for block in blocks]
        found = self._finder.find([texts[i][start:limit].decode() for i, start, limit in places])
        names: list[list[salient.SalientSpan]] = [[] for _ in blocks]
        for (i, offset, _), spans in zip(places, found, strict=True):
            names[i] += [
                salient.SalientSpan(offset + s.byte_start, offset + s.byte_limit, s.label)
                for s in spans
            ]
        return [self._merged(block, found) for block, found in zip(blocks, names, strict=True)]

    def _merged(self, block: types.Block, names: list[salient.SalientSpan]) -> Found:
        dates = salient.find_dates(block.text, _sentences(block), self._dates)
        spans = salient.merge(names, dates)
        return Found(spans, len(names) + len(dates) - len(spans))


def _sentences(block: types.Block) -> list[tuple[int, int]]:
    starts, limits = block.sentence_byte_start.tolist(), block.sentence_byte_limit.tolist()
    return list(zip(starts, limits, strict=True))
