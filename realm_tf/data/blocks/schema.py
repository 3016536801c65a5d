# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Blocks and passages on disk: TFRecord shards of tf.train.Example, and their stable keys.

A document's shard is a hash of its id, so shards depend neither on workers nor on other documents.
Inside a shard, records are sorted by document id and place in the document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import message

from realm_tf import artifacts, types

BLOCKS = "blocks"
PASSAGES = "passages"

# Part of every block id: raise when packing would cut the same document differently.
PACKING_VERSION = 2

_READ_BATCH = 512
_MAX_INT64 = (1 << 63) - 1


class Field(NamedTuple):
    """One feature of a record.

    Attributes:
      name: Of the feature, of the attribute of `types.Block`, and of the table's column.
      dtype: "bytes" for UTF-8 text, otherwise the NumPy name of what `decode` makes.
      ragged: Whether a record holds any number of values, rather than exactly one.
    """

    name: str
    dtype: Literal["bytes", "uint64", "int64", "int32"]
    ragged: bool


BLOCK_FIELDS = (
    Field("block_id", "uint64", False),
    Field("doc_id", "bytes", False),
    Field("title", "bytes", False),
    Field("text", "bytes", False),
    Field("metadata", "bytes", False),
    Field("doc_byte_start", "int64", False),
    Field("title_ids", "int32", True),
    Field("token_ids", "int32", True),
    Field("token_byte_start", "int32", True),
    Field("token_byte_limit", "int32", True),
    Field("sentence_byte_start", "int32", True),
    Field("sentence_byte_limit", "int32", True),
)
SPAN_FIELDS = (
    Field("span_byte_start", "int32", True),
    Field("span_byte_limit", "int32", True),
    Field("span_token_start", "int32", True),
    Field("span_token_limit", "int32", True),
    Field("span_label", "bytes", True),
)
SCHEMA = BLOCK_FIELDS + SPAN_FIELDS


def encode(record: types.Block | types.Passage) -> bytes:
    """Serializes a block (`BLOCK_FIELDS`) or a passage (`SCHEMA`) as tf.train.Example."""
    block = record.block if isinstance(record, types.Passage) else record
    features = {f.name: _feature(f, getattr(block, f.name)) for f in BLOCK_FIELDS}
    if isinstance(record, types.Passage):
        for field in SPAN_FIELDS:
            attribute = field.name.removeprefix("span_")
            features[field.name] = _feature(field, [getattr(s, attribute) for s in record.spans])
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def decode(serialized: bytes) -> types.Block | types.Passage:
    """The block or passage that `encode` serialized.

    Raises:
      UserError: If it is not such a record.
    """
    try:
        features = tf.train.Example.FromString(serialized).features.feature
        block = types.Block(**{f.name: _value(f, features) for f in BLOCK_FIELDS})
        if SPAN_FIELDS[0].name not in features:
            return block
        columns = [_value(field, features) for field in SPAN_FIELDS]
    except (message.DecodeError, ValueError, IndexError, KeyError) as error:
        raise types.UserError(
            f"A record is not a block: {error}. Make its segment again."
        ) from error
    *numbers, labels = columns
    spans = zip(*(n.tolist() for n in numbers), labels, strict=True)
    return types.Passage(block, tuple(types.Span(*span) for span in spans))


def read(path: str) -> Iterator[types.Block | types.Passage]:
    """The records of one shard, in order.

    Raises:
      UserError: If a record's checksum is wrong.
    """
    # Every step of the iterator is an op with its overhead: many records a step.
    try:
        for batch in tf.data.TFRecordDataset(path).batch(_READ_BATCH).as_numpy_iterator():
            yield from map(decode, batch)
    except tf.errors.DataLossError:
        raise types.UserError(
            f"{path} is damaged: the checksum of a record is wrong. Make its segment again."
        ) from None


def bracket(text: bytes, places: Iterable[tuple[int, int]]) -> str:
    """A text, in UTF-8, with what stands at (byte_start, byte_limit) in [[brackets]]."""
    parts, end = [], 0
    for start, limit in places:
        parts += [text[end:start], b"[[", text[start:limit], b"]]"]
        end = limit
    return b"".join([*parts, text[end:]]).decode("utf-8")


def write_shard(path: str, records: Iterable[types.Block | types.Passage]) -> int:
    """Writes one shard at `path`, atomically; returns the number of records."""
    count = 0
    with artifacts.atomic_path(path) as aside, tf.io.TFRecordWriter(aside) as writer:
        for record in records:
            writer.write(encode(record))
            count += 1
    return count


def write_segment(
    root: str,
    records: Iterable[types.Block | types.Passage],
    *,
    kind: str,
    num_shards: int,
    settings: Mapping[str, Any],
    made_from: Mapping[str, str],
) -> artifacts.Segment:
    """Writes records that fit in memory as a segment, without Beam.

    Args:
      root: Directory of segments.
      records: Blocks or passages, in any order.
      kind: `BLOCKS` or `PASSAGES`.
      num_shards: As many files.
      settings: At least "vocab_size", which decides how wide the table's ids are.
      made_from: At least "tokenizer", the tokenizer's fingerprint.
    """
    path = artifacts.recipe_path(root, kind, settings=settings, made_from=made_from)
    shards: list[list[types.Block | types.Passage]] = [[] for _ in range(num_shards)]
    for record in sorted(records, key=_order):
        shards[shard_of(_order(record)[0], num_shards)].append(record)
    writer = artifacts.SegmentWriter(path, kind=kind, settings=settings, made_from=made_from)
    for i, shard in enumerate(shards):
        name = shard_name(i, num_shards, kind)
        write_shard(writer.path + "/" + name, shard)
        writer.add(name, num_records=len(shard))
    return writer.commit(blocks=sum(len(shard) for shard in shards))


def block_id(
    doc_id: str, title: str, text: str, occurrence: int, packing_version: int = PACKING_VERSION
) -> int:
    """Stable unsigned 64-bit id of a block.

    Args:
      doc_id: Of the document.
      title: Of the document.
      text: Of the block.
      occurrence: How many blocks before it in the document have the same text.
      packing_version: Of the code that cut it.
    """
    return _hash64(artifacts.canonical_json([doc_id, title, text, occurrence, packing_version]))


def doc_key(doc_id: str) -> int:
    """Unsigned 64-bit hash of a document id: what tables keep in its place."""
    return _hash64(doc_id)


def shard_of(doc_id: str, num_shards: int) -> int:
    """The shard, of `num_shards`, that holds the document."""
    return doc_key(doc_id) % num_shards


def shard_name(index: int, num_shards: int, kind: str = BLOCKS) -> str:
    """File name of a shard, e.g. "blocks-00000-of-00008.tfrecord"."""
    return f"{kind}-{index:05d}-of-{num_shards:05d}.tfrecord"


def _order(record: types.Block | types.Passage) -> tuple[str, int]:
    block = record.block if isinstance(record, types.Passage) else record
    return block.doc_id, block.doc_byte_start


def _hash64(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest())


def _feature(field: Field, value: Any) -> tf.train.Feature:
    values: Any = value if field.ragged else [value]
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if field.dtype == "bytes":
        encoded = [v.encode("utf-8") for v in values]
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))
    if field.dtype == "uint64":  # Example has signed integers only
        values = [v - (1 << 64) if v > _MAX_INT64 else v for v in values]
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _value(field: Field, features: Mapping[str, tf.train.Feature]) -> Any:
    if field.name not in features:
        raise KeyError(field.name)
    feature = features[field.name]
    if field.dtype == "bytes":
        texts = [v.decode("utf-8") for v in feature.bytes_list.value]
        return texts if field.ragged else texts[0]
    if field.ragged:
        return np.array(feature.int64_list.value, dtype=field.dtype)
    value = feature.int64_list.value[0]
    return value % (1 << 64) if field.dtype == "uint64" else value
