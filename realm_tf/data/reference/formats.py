# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads corpora in the formats of the original REALM and ORQA code (google-research/language).

| format | files, TFRecords | records | source |
|---|---|---|---|
| `realm-blocks` | `docs.tfr.gz-00000-of-00050`, gzipped | tf.train.Example: `title`, `body`; `title_token_ids`, `body_token_ids` | realm/generate_retrieval_corpus.py, realm/retrieval.py |
| `realm-pretrain` | `*.tfrecord.gz`, gzipped | tf.train.Example: `title`, `text`, `sentence_byte_start`, `sentence_byte_limit`, `span_byte_start`, `span_byte_limit` | realm/example_generator.py |
| `orqa` | `blocks.tfr`, `titles.tfr`, `examples.tfr` | the text of a block; the title of its page; tf.train.Example: `title_ids`, `token_ids`, `sentence_starts` | orqa/preprocessing/, orqa/README.md |

The retrieval corpora bind vectors to blocks by the number of the record, counted through the files
in the order of their names: `ReferenceBlock.row`.

Texts are tokenized again, because the originals keep no offsets; the wordpieces that they do keep
are compared. `examples.tfr` and the `*_token_ids` may be missing. So may the spans of a record (the
original reads that as none). `span_label` is ours: a label per span, where a team has them.
"""  # noqa: E501 - a table

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import message

from realm_tf import artifacts, types
from realm_tf.data.reference import tfrecords
from realm_tf.text.inputs import files as input_files

REALM_BLOCKS = "realm-blocks"
REALM_PRETRAIN = "realm-pretrain"
ORQA = "orqa"
BLOCK_FORMATS = (REALM_BLOCKS, ORQA)
FORMATS = (*BLOCK_FORMATS, REALM_PRETRAIN)

DEFAULT_LABEL = "SPAN"

_Ranges = list[tuple[int, int]]


class ReferenceBlock(NamedTuple):
    """A record in one of the formats of the original code: a block of text, as it cut it.

    Attributes:
      row: Number of the record in the whole corpus.
      title: Title of the page that the block is from.
      text: Text of the block.
      ids_key: Hash of the original's wordpieces, made by `ids_key`; empty if the file has none.
      sentences: (byte_start, byte_limit) of every sentence, in order; None if the file has none.
      spans: (byte_start, byte_limit, label) of every salient span, in order; None if the file has
        none.
    """

    row: int
    title: str
    text: str
    ids_key: str = ""
    sentences: Sequence[tuple[int, int]] | None = None
    spans: Sequence[tuple[int, int, str]] | None = None


def expand(pattern: str, fmt: str) -> list[tuple[str, ...]]:
    """The files of the original code that a glob pattern names, each with its companion files.

    Args:
      pattern: Glob pattern of the files of blocks.
      fmt: Name of the format, one of `FORMATS`.

    Raises:
      UserError: If there are none, or a file has no titles beside it.
    """
    if tf.io.gfile.isdir(pattern):
        raise types.UserError(
            f"{pattern!r} is a folder. Give a file or a pattern of {fmt} files in it."
        )
    files = input_files.expand(pattern)[1]
    return [companions(file, fmt) for file in files]


def fingerprint(files: Sequence[tuple[str, ...]]) -> str:
    """Hash of the files of an original corpus, in their order: another order gives other rows."""
    return artifacts.digest([[artifacts.file_sha256(path)[0] for path in f] for f in files])


def read(paths: Sequence[str]) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    """Yields of every record its place for errors, and its serialized parts.

    The records are counted first, because that finds every kind of damage.

    Args:
      paths: A file and its companions, as `companions` gives them.

    Raises:
      UserError: If a file is damaged, or files that belong together differ in length.
    """
    counts = [tfrecords.count(path) for path in paths]
    for path, number in zip(paths, counts, strict=True):
        if number != counts[0]:
            raise types.UserError(
                f"{paths[0]} holds {counts[0]} records, but {path} holds {number}: one of them"
                f" ends before record {min(number, counts[0])}. Fetch both again."
            )
    for number, serialized in enumerate(zip(*map(tfrecords.read, paths), strict=True)):
        yield f"{paths[0]}: record {number}", serialized


def parse(fmt: str, where: str, row: int, serialized: Sequence[bytes]) -> ReferenceBlock:
    """Parses a record in one of the formats of the original code.

    Args:
      fmt: Name of the format, one of `FORMATS`.
      where: File and record, for error messages.
      row: Number of the record in the whole corpus.
      serialized: The serialized records of the row, as `read` yields them.

    Raises:
      UserError: If a feature is missing or of another type, a text is not UTF-8, or an offset is
        not a place in the text.
    """
    if fmt == ORQA:
        return _parse_orqa(where, row, *serialized)
    features = _features(serialized[0], where)
    title = _text(features, "title", where)
    if fmt == REALM_BLOCKS:
        ids = [_ints(features, n, where) for n in ("title_token_ids", "body_token_ids")]
        key = "" if None in ids else ids_key(*ids)
        return ReferenceBlock(row, title, _text(features, "body", where), key)
    text = _text(features, "text", where)
    data = text.encode("utf-8")
    sentences = _ranges(features, "sentence", data, where)
    if sentences is None:
        raise types.UserError(_lacks("sentence_byte_start", features, where))
    spans = _ranges(features, "span", data, where) or []
    labels = _labels(features, len(spans), where)
    labelled = sorted((*span, label) for span, label in zip(spans, labels, strict=True))
    return ReferenceBlock(row, title, text, "", _in_order(sentences, where), labelled)


def ids_key(title_ids: Any, token_ids: Any) -> str:
    """Hash of the wordpieces that a format of the original code keeps, to compare ours with."""
    hashed = hashlib.blake2b(digest_size=8)
    for ids in (title_ids, token_ids):
        hashed.update(np.asarray(ids, np.int64).tobytes() + b"|")
    return hashed.hexdigest()


def companions(file: str, fmt: str) -> tuple[str, ...]:
    """A file, and the files beside it that hold other parts of the same records.

    Raises:
      UserError: If one that is needed is missing.
    """
    if fmt != ORQA:
        return (file,)
    folder, name = os.path.split(file)
    if "blocks" not in name:
        raise types.UserError(
            f"{file} is not a file of ORQA's blocks. Give blocks.tfr, with titles.tfr"
            " in its folder."
        )
    titles, examples = (
        os.path.join(folder, name.replace("blocks", other)) for other in ("titles", "examples")
    )
    if not tf.io.gfile.exists(titles):
        raise types.UserError(f"{titles}, which holds the titles of {file}, is missing.")
    return (file, titles, examples) if tf.io.gfile.exists(examples) else (file, titles)


def _parse_orqa(
    where: str, row: int, text: bytes, title: bytes, example: bytes | None = None
) -> ReferenceBlock:
    key = ""
    if example is not None:
        features = _features(example, where)
        ids = []
        for name in ("title_ids", "token_ids"):
            values = _ints(features, name, where)
            if values is None:
                raise types.UserError(_lacks(name, features, where))
            ids.append(values)
        key = ids_key(*ids)
    return ReferenceBlock(row, _decode(title, "title", where), _decode(text, "text", where), key)


def _features(serialized: bytes, where: str) -> Mapping[str, tf.train.Feature]:
    try:
        return tf.train.Example.FromString(serialized).features.feature
    except message.DecodeError as error:
        raise types.UserError(f"{where}: not a tf.train.Example: {error}.") from error


def _text(features: Mapping[str, tf.train.Feature], name: str, where: str) -> str:
    values = features[name].bytes_list.value if name in features else []
    if len(values) != 1:
        raise types.UserError(_lacks(name, features, where))
    return _decode(values[0], name, where)


def _decode(value: bytes, name: str, where: str) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise types.UserError(f'{where}: "{name}" is not UTF-8: {error}.') from error


def _ints(features: Mapping[str, tf.train.Feature], name: str, where: str) -> Sequence[int] | None:
    """The numbers of a feature; None if it is missing."""
    if name not in features:
        return None
    # An empty list, as protocol buffers write it, has no kind at all.
    if features[name].WhichOneof("kind") not in ("int64_list", None):
        raise types.UserError(f'{where}: "{name}" does not hold integers.')
    return features[name].int64_list.value


def _lacks(name: str, features: Mapping[str, tf.train.Feature], where: str) -> str:
    held = ", ".join(sorted(features)) or "no feature"
    return f'{where}: the feature "{name}" is missing or not one value. It holds: {held}.'


def _ranges(
    features: Mapping[str, tf.train.Feature], kind: str, text: bytes, where: str
) -> _Ranges | None:
    """(byte_start, byte_limit) pairs; None if both features are missing."""
    names = [f"{kind}_byte_start", f"{kind}_byte_limit"]
    starts, limits = (_ints(features, name, where) for name in names)
    if starts is None and limits is None:
        return None
    if starts is None or limits is None:
        raise types.UserError(_lacks(names[starts is not None], features, where))
    if len(starts) != len(limits):
        raise types.UserError(
            f'{where}: {len(starts)} values in "{names[0]}", but {len(limits)} in "{names[1]}".'
        )
    for start, limit in zip(starts, limits, strict=True):
        if not 0 <= start <= limit <= len(text):
            raise types.UserError(
                f"{where}: the {kind} of bytes {start} to {limit} is not in the text, which has"
                f" {len(text)} bytes."
            )
        if any(place < len(text) and text[place] & 0xC0 == 0x80 for place in (start, limit)):
            raise types.UserError(
                f"{where}: the {kind} of bytes {start} to {limit} begins or ends inside a"
                " character. Offsets are bytes of the UTF-8 text."
            )
    return list(zip(starts, limits, strict=True))


def _in_order(sentences: _Ranges, where: str) -> _Ranges:
    kept = sorted((start, limit) for start, limit in sentences if start < limit)
    for (_, limit), (start, _) in itertools.pairwise(kept):
        if start < limit:
            raise types.UserError(f"{where}: two sentences overlap at byte {start}.")
    return kept


def _labels(features: Mapping[str, tf.train.Feature], count: int, where: str) -> list[str]:
    if "span_label" not in features:
        return [DEFAULT_LABEL] * count
    labels = features["span_label"].bytes_list.value
    if len(labels) != count:
        raise types.UserError(f'{where}: {len(labels)} values in "span_label" for {count} spans.')
    return [_decode(label, "span_label", where) for label in labels]
