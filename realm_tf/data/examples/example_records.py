# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training examples on disk, for teams that feed a trainer of their own: tf.train.Example records.

| task | a record is |
|---|---|
| `masked` | a passage with one of its spans masked: the packed query, and what stood there |
| `ict` | a sentence and its block (`data.ict`), packed |
| `annotated` | a passage with all its spans, as text: the original's pre-training corpus |

Features are listed in docs/data-formats.md; texts and offsets have the names of the original
(`reference_formats`), which reads `annotated`. An example depends on its own block, the settings
and the seed alone. Training here does not need these files: it makes its batches from block tables.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.data import sampling
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import ict, masking
from realm_tf.text import offsets, packing
from realm_tf.text import tokenizer as tokenizer_lib

KIND = "examples"
VERSION = 1
MASKED, ICT, ANNOTATED = TASKS = ("masked", "ict", "annotated")

Counts = collections.Counter[str]
_Features = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """What decides the example records: the task, the seed, and lengths.

    Attributes:
      task: One of `TASKS`.
      seed: Seed of every choice.
      per_block: Examples of a block: of as many different spans ("masked"), or of sentences drawn
        as many times ("ict").
      query_length: Wordpieces of a packed query.
      max_masks: "masked": a span of more wordpieces is skipped.
      keep_probability: "ict": how often the sentence stays in its block.
      block_length: "ict": wordpieces of a packed block.
      template: "ict": template of packed blocks.

    Raises:
      UserError: If the task is unknown, or there would be no example.
    """

    task: str
    seed: int = 0
    per_block: int = 1
    query_length: int = 96
    max_masks: int = 10
    keep_probability: float = 0.1
    block_length: int = 288
    template: str = packing.TITLE_BODY

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise types.UserError(
                f"The task must be one of {', '.join(TASKS)}. Received: {self.task!r}."
            )
        if self.per_block < 1:
            raise types.UserError(f"per_block must be at least 1. Received: {self.per_block}.")
        packing.block_size(0, 0, self.template)  # checks

    def decisive(self) -> dict[str, Any]:
        """What decides the examples of this task, by name."""
        own = {
            MASKED: ("seed", "per_block", "query_length", "max_masks"),
            ICT: (
                *("seed", "per_block", "query_length", "keep_probability"),
                *("block_length", "template"),
            ),
            ANNOTATED: (),
        }[self.task]
        return {"task": self.task, **{name: getattr(self, name) for name in own}}


def make_records(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    options: Options,
    counts: Counts,
) -> Iterator[bytes]:
    """Makes the tf.train.Example records of all blocks, in their order.

    Args:
      table: Blocks; passages, but for "ict".
      tokenizer: That they were made with.
      options: What is made.
      counts: Grows by "blocks", "examples" and, by reason, "skipped_...".

    Yields:
      Serialized tf.train.Examples.
    """
    makers = {MASKED: _masked, ICT: _ict, ANNOTATED: _annotated}
    counts["blocks"] += len(table)
    for features in makers[options.task](table, tokenizer, options, counts):
        counts["examples"] += 1
        made = {name: _feature(value) for name, value in features.items()}
        example = tf.train.Example(features=tf.train.Features(feature=made))
        yield example.SerializeToString(deterministic=True)


def _masked(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    options: Options,
    counts: Counts,
) -> Iterator[_Features]:
    spans, skipped = masking.eligible_spans(
        table, query_length=options.query_length, max_masks=options.max_masks
    )
    counts.update({f"skipped_{reason}": number for reason, number in skipped.items()})
    borders = np.searchsorted(spans, table.span_offsets)
    for row in range(len(table)):
        eligible = spans[borders[row] : borders[row + 1]]
        counts["skipped_without_span"] += not eligible.size
        order = _generator(table, row, options).permutation(len(eligible))[: options.per_block]
        for span in eligible[np.sort(order)].tolist():
            example = masking.make(table, span, tokenizer)
            queries = types.Ragged.of([example.query_ids])
            query = packing.pack_queries(queries, options.query_length, tokenizer)
            padding = (0, options.max_masks - len(example.positions))
            yield {
                **_head(table, row),
                **_text_level(table, row),
                "masked_span": span - int(table.span_offsets[row]),
                "query_word_ids": query.word_ids[0],
                "query_mask": query.mask[0],
                "mask_positions": np.pad(example.positions, padding),
                "mask_targets": np.pad(example.targets, padding),
                "mask_weights": np.pad(np.ones(len(example.positions), np.float32), padding),
            }


def _ict(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    options: Options,
    counts: Counts,
) -> Iterator[_Features]:
    rows = ict.eligible_rows(table)
    counts["skipped_one_sentence"] += len(table) - len(rows)
    for row in rows.tolist():
        rng = _generator(table, row, options)
        for _ in range(options.per_block):
            example = ict.make(table, row, rng, keep_probability=options.keep_probability)
            queries, titles, bodies = (types.Ragged.of([ids]) for ids in example[:3])
            query = packing.pack_queries(queries, options.query_length, tokenizer)
            block = packing.pack_blocks(
                titles,
                bodies,
                options.block_length,
                tokenizer,
                template=options.template,
            )
            yield {
                **_head(table, row),
                "title": table.title(row),
                "text": table.text(row),
                "query_byte_start": int(table.sentence_byte_start(row)[example.sentence]),
                "query_byte_limit": int(table.sentence_byte_limit(row)[example.sentence]),
                "query_removed": int(example.is_removed),
                "query_word_ids": query.word_ids[0],
                "query_mask": query.mask[0],
                "block_word_ids": block.word_ids[0],
                "block_mask": block.mask[0],
                "block_type_ids": block.type_ids[0],
            }


def _annotated(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    options: Options,
    counts: Counts,
) -> Iterator[_Features]:
    del tokenizer, options
    for row in range(len(table)):
        counts["spans"] += table.num_spans(row)
        yield _text_level(table, row)


def _generator(table: block_table.BlockTable, row: int, options: Options) -> np.random.Generator:
    """Every block has random numbers of its own, whatever stands around it."""
    stage = f"examples/{options.task}"
    return sampling.generator(options.seed, stage, int(table.scalar("block_id", np.array(row))))


def _head(table: block_table.BlockTable, row: int) -> _Features:
    block_id = table.scalar("block_id", np.array(row)).astype(np.int64)  # two's complement
    return {"block_id": int(block_id), "doc_id": table.doc_id(row)}


def _text_level(table: block_table.BlockTable, row: int) -> _Features:
    """The features of the original's pre-training corpus, and `span_label`, which is ours."""
    return {
        "title": table.title(row),
        "text": table.text(row),
        "sentence_byte_start": table.sentence_byte_start(row),
        "sentence_byte_limit": table.sentence_byte_limit(row),
        "span_byte_start": table.span_byte_start(row),
        "span_byte_limit": table.span_byte_limit(row),
        "span_label": table.span_label(row),
    }


def _feature(value: Any) -> tf.train.Feature:
    if isinstance(value, str | list):
        texts = [value] if isinstance(value, str) else value
        return tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[text.encode("utf-8") for text in texts])
        )
    array = np.atleast_1d(value)
    if array.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=array.tolist()))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=array.tolist()))


def describe(serialized: bytes) -> str:
    """An example, for people: its text, with what is asked for in [[brackets]]."""
    features = tf.train.Example.FromString(serialized).features.feature
    title, text = (features[name].bytes_list.value[0] for name in ("title", "text"))
    head = []
    if "doc_id" in features:
        block_id = features["block_id"].int64_list.value[0] % (1 << 64)
        head += [
            f"block {block_id}",
            f"document {features['doc_id'].bytes_list.value[0].decode()!r}",
        ]
    if "query_removed" in features:
        head.append("sentence " + ("removed" if _ints(features, "query_removed")[0] else "kept"))
        places = _places(features, "query")
    else:
        places = _places(features, "span")
        labels = [label.decode() for label in features["span_label"].bytes_list.value]
        head.append(f"{len(places)} spans")
        if "masked_span" in features:
            masked = _ints(features, "masked_span")[0]
            places, head[-1] = [places[masked]], f"masked {labels[masked]} of {len(labels)} spans"
    return f"{'  '.join(head)}\n  {title.decode()}\n  {offsets.bracket(text, places)}"


def _ints(features: Mapping[str, tf.train.Feature], name: str) -> list[int]:
    return list(features[name].int64_list.value)


def _places(features: Mapping[str, tf.train.Feature], kind: str) -> list[tuple[int, int]]:
    starts, limits = (_ints(features, f"{kind}_byte_{end}") for end in ("start", "limit"))
    return list(zip(starts, limits, strict=True))
