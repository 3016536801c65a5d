# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labelled sentences in CoNLL's format: a word and its tags on a line, a blank line between them.

Columns are divided by tabs, or by spaces where a line has no tab; other white space, such as a
no-break space or U+2028, is part of a word. The word is the first, the tag the last (or the one
that is asked for). Tags are of any scheme that `bio.repair` takes. A line that begins with
`-DOCSTART-` ends a sentence as a blank one does, and comments, `# ` and a text, are passed over
between sentences.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from realm_tf import artifacts, types
from realm_tf.data.tagging import bio
from realm_tf.text.inputs import lines

_SPACES = re.compile(" +")


class Sentence(NamedTuple):
    """One labelled sentence.

    Attributes:
      words: Words of the sentence, as they are in the file.
      tags: One for each, IOB2.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]


def fingerprint(files: Sequence[str]) -> str:
    """Hash of the contents of files of labelled sentences, in their order, whatever their names."""
    return artifacts.digest([artifacts.file_sha256(file)[0] for file in files])


def read(
    file: str, *, column: int = -1, label_map: Mapping[str, str] | None = None
) -> list[Sentence]:
    """Reads the sentences of a file, plain, gzip or bzip2.

    Args:
      file: Its path.
      column: Column of the tags, from 0 for the word's; -1 is the last.
      label_map: What to call labels; one that becomes "O" is no label. Others keep their names.

    Raises:
      UserError: With file and line, if a line has too few columns or no tag; if the file is
        damaged, not UTF-8, or has no sentence.
    """
    label_map = label_map or {}
    sentences = []
    words: list[str] = []
    tags: list[str] = []
    for where, line in itertools.chain(lines.read_lines(file), [(f"{file}:end", "")]):
        columns = line.split("\t") if "\t" in line else _SPACES.split(line.strip(" "))
        if not line.strip() or columns[0].startswith("-DOCSTART-"):
            if words:
                sentences.append(Sentence(tuple(words), tuple(bio.repair(tags))))
            words, tags = [], []
        elif words or not _is_comment(columns):
            word, tag = _take(columns, column, where)
            words.append(word)
            tags.append(_renamed(tag, label_map))
    if not sentences:
        raise types.UserError(f"{file} has no labelled sentence. Is it in CoNLL's format?")
    return sentences


def _take(columns: Sequence[str], column: int, where: str) -> tuple[str, str]:
    if len(columns) < 2 or not -len(columns) <= column < len(columns):
        raise types.UserError(
            f"{where}: a word and its tags are needed, with a tag in column {column}. Received:"
            f" {' '.join(columns)[:60]!r}."
        )
    tag = columns[column].strip()
    if not bio.is_tag(tag):
        raise types.UserError(
            f"{where}: the tag of a word is O, B-label or I-label (or one of BIOES, BILOU or BMES)."
            f" Received: {tag!r}. If the tags are in another column, set span_tagger.tag_column; if"
            " they are labels alone, write I- before them."
        )
    return columns[0], tag


def _renamed(tag: str, label_map: Mapping[str, str]) -> str:
    prefix, label = bio.split(tag)
    label = label_map.get(label, label)
    return bio.OUTSIDE if prefix == bio.OUTSIDE or label == bio.OUTSIDE else f"{prefix}-{label}"


def _is_comment(columns: Sequence[str]) -> bool:
    return columns[0] == "#" and ("=" in columns[1:3] or not bio.is_tag(columns[-1]))
