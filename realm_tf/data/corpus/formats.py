# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The corpus formats (JSON Lines, CSV, Parquet, Wikipedia, ...), and one function to read any.

A corpus is divided into `units`, and `read_unit` gives what is in one: documents, records that a
rule leaves out, and records that cannot be read. In the formats of the original code every document
is a block that is ready (`reference_documents`), and some bring its salient spans.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import tensorflow as tf

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.data import metadata
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import (
    csv_tables,
    jsonl,
    parquet,
    text_tree,
    wikiextractor,
    wikipedia,
)
from realm_tf.data.corpus.wiki import leftovers as wiki_leftovers
from realm_tf.data.corpus.wiki import wikitext
from realm_tf.data.reference import documents as reference_documents
from realm_tf.data.reference import formats as reference_formats
from realm_tf.text import cleaning, words
from realm_tf.text.inputs import files, streams

AUTO = "auto"
JSONL = "jsonl"
TEXT = "text"
WIKIPEDIA = "wikipedia"

# Any change to what readers make of a file must change this.
READING_VERSION = 2

_LOGGER = logging.getLogger(__name__)

_Found = Iterator[records.RawDocument | records.Dropped | records.Problem]
_Reader = Callable[[records.Unit, config_lib.CorpusConfig], _Found]
_Divider = Callable[[str, str, config_lib.CorpusConfig], list[records.Unit]]


def _one_unit(file: str, root: str, corpus_config: config_lib.CorpusConfig) -> list[records.Unit]:
    del corpus_config  # nothing is divided
    return [records.Unit(file, root=root)]


class _Format(NamedTuple):
    """A format of corpus files: its reader, its file names, and how places in it are shown.

    Attributes:
      read: Function that reads the records of a unit.
      names: Regular expression of its files' names without .gz or .bz2.
      place: Pattern of a record's place for messages, with its file and its number.
      units: Function that divides a file into units; by default a file is one unit.
      is_wiki: Whether the texts are pages of a Wikipedia, for which `CorpusConfig` has rules.
      is_escaped: Whether texts in this format always have HTML entities, such as "&amp;".
    """

    read: _Reader
    names: str
    place: str = "{}:{}"
    units: _Divider = _one_unit
    is_wiki: bool = False
    is_escaped: bool = False


_FORMATS = {
    JSONL: _Format(jsonl.read, r".*\.(jsonl|ndjson)"),
    "csv": _Format(csv_tables.read_csv, r".*\.csv"),
    "tsv": _Format(csv_tables.read_tsv, r".*\.tsv"),
    "parquet": _Format(parquet.read, r".*\.(parquet|pq)", "{}: row {}"),
    WIKIPEDIA: _Format(
        wikipedia.read,
        r".*\.xml|.*-pages-(articles|meta).*\.xml.*",
        "{}: page {}",
        wikipedia.units,
        is_wiki=True,
    ),
    "wikiextractor": _Format(wikiextractor.read, r"wiki_\d+", is_wiki=True, is_escaped=True),
    TEXT: _Format(text_tree.read, r".*\.(txt|text)", "{}"),
}
_WIKI_MIN_WORDS = 20
# Texts for --format text; "auto" does not take them, because a README lies in many a folder.
_TEXT_MARKUP = r".*\.(md|markdown|rst|adoc)"

# A shard of blocks is made of about so many bytes of text, which its worker holds in memory; a
# small corpus has fewer, smaller ones, so that there is work for several workers.
_SHARD_BYTES = 1 << 25
_SMALL_SHARD_BYTES = 1 << 20
_FEW_SHARDS = 8
_COMPRESSION = 4  # of text, about

# Formats of documents, which become blocks; of ready blocks; of passages.
DOCUMENT_FORMATS = (AUTO, *_FORMATS)
BLOCK_FORMATS = (*DOCUMENT_FORMATS, *reference_formats.BLOCK_FORMATS)
FORMATS = (*DOCUMENT_FORMATS, *reference_formats.FORMATS)

_DEFAULTS = config_lib.CorpusConfig()


def check(pattern: str, fmt: str, valid: tuple[str, ...] = FORMATS) -> None:
    """Checks that the files of a corpus are there, without reading them.

    Raises:
      UserError: If they are not, their names are those of another format, or the format is not
        among `valid`.
    """
    if fmt not in valid:
        raise types.UserError(f"The format must be {', '.join(valid)}. Received: {fmt!r}.")
    if is_ready(fmt):
        reference_formats.expand(pattern, fmt)
        return
    for file in files.expand(pattern)[1]:
        _format_of(file, fmt)


def fingerprint(pattern: str, fmt: str, corpus_config: config_lib.CorpusConfig = _DEFAULTS) -> str:
    """Hash of the contents of a corpus's files and of how they are read."""
    if is_ready(fmt):
        return reference_formats.fingerprint(reference_formats.expand(pattern, fmt))
    root, paths = files.expand(pattern)
    contents = []
    for file in paths:
        found = _format_of(file, fmt)
        name = file.removeprefix(root) if found == TEXT else ""  # of a text, the document's id
        contents.append([found, name, artifacts.file_sha256(file)[0]])
    return artifacts.digest(
        {
            "files": sorted(contents),
            "options": corpus_config.decisive(),
            "versions": [
                READING_VERSION,
                cleaning.CLEANING_VERSION,
                wikitext.WIKITEXT_VERSION,
            ],
        }
    )


def is_ready(fmt: str) -> bool:
    """Whether every document of this format is a block that is ready."""
    return fmt in reference_formats.FORMATS


def brings_spans(fmt: str) -> bool:
    """Whether a corpus format, of any of `FORMATS`, is one whose documents bring salient spans."""
    return is_ready(fmt) and fmt not in reference_formats.BLOCK_FORMATS


def num_shards(pattern: str, fmt: str) -> int:
    """How many shards of blocks suit a corpus in its format: it follows the size of its files."""
    size = 0
    for file in _files(pattern, fmt):
        factor = _COMPRESSION if file.endswith((".gz", ".bz2")) else 1
        size += tf.io.gfile.stat(file).length * factor
    few = min(_FEW_SHARDS, -(-size // _SMALL_SHARD_BYTES))
    return max(1, few, -(-size // _SHARD_BYTES))


def _files(pattern: str, fmt: str) -> list[str]:
    if is_ready(fmt):
        return [paths[0] for paths in reference_formats.expand(pattern, fmt)]
    return files.expand(pattern)[1]


def units(
    pattern: str, fmt: str, corpus_config: config_lib.CorpusConfig = _DEFAULTS
) -> list[records.Unit]:
    """Divides the files of a corpus into units, sorted; a worker reads a unit from start to end.

    Every record is in exactly one unit, whatever `corpus_config.split_mb`.

    Raises:
      UserError: If there are no files, or the format is none of `FORMATS`.
    """
    check(pattern, fmt)
    if is_ready(fmt):
        return [records.Unit(file) for file in _files(pattern, fmt)]
    root, paths = files.expand(pattern)
    return [u for f in paths for u in _FORMATS[_format_of(f, fmt)].units(f, root, corpus_config)]


def read_unit(
    unit: records.Unit, fmt: str, corpus_config: config_lib.CorpusConfig = _DEFAULTS
) -> Iterator[types.Document | records.Dropped | records.Problem]:
    """Reads the documents of a unit of a corpus, in order, in memory that the file does not grow.

    A damaged file gives what stands before the damage, and then a problem.

    Args:
      unit: One of the units that `units` returned.
      fmt: Format of the corpus, as it was given to `units`.
      corpus_config: Configuration of reading, as it was given to `units`.

    Raises:
      UserError: If the file is missing.
    """
    if is_ready(fmt):
        yield from reference_documents.read(unit.file, fmt)
        return
    fmt = _format_of(unit.file, fmt)
    number = 0
    try:
        for found in _FORMATS[fmt].read(unit, corpus_config):
            number = found.number
            if isinstance(found, records.Problem):
                yield _placed(fmt, found)
            elif isinstance(found, records.Dropped):
                yield found
            elif fault := metadata.fault(found.metadata, corpus_config.metadata_fields):
                yield _placed(fmt, records.Problem(unit.file, number, fault))
            else:
                yield _finished(_FORMATS[fmt], unit.file, found, corpus_config)
    except streams.DamagedError as error:
        after = f", after {place(fmt, unit.file, number)}" if number else ""
        problem = records.Problem(unit.file, number, f"{unit.file}{after}: {error}.")
        yield problem


def place(fmt: str, file: str, number: int) -> str:
    """How a corpus format names the place of a record: "a.jsonl:12"; the file if `number` is 0."""
    return _FORMATS[_format_of(file, fmt)].place.format(file, number) if number else file


def texts(
    pattern: str,
    fmt: str,
    corpus_config: config_lib.CorpusConfig = _DEFAULTS,
    *,
    pass_over_bad: bool = False,
) -> Iterator[str]:
    """Reads title and text of every document of a corpus of any format, to learn a vocabulary from.

    Args:
      pattern: Glob pattern, file or folder of the corpus.
      fmt: Format of the corpus, one of `FORMATS`.
      corpus_config: Configuration of how the corpus is read.
      pass_over_bad: Whether documents that cannot be read are passed over with a warning: the job
        that makes blocks is where they are counted and kept.

    Raises:
      UserError: If a record cannot be read, with file and record.
    """
    problems = 0
    for unit in units(pattern, fmt, corpus_config):
        for found in read_unit(unit, fmt, corpus_config):
            if isinstance(found, types.Document):
                yield f"{found.title} {found.text}"
            elif isinstance(found, records.Problem):
                if not pass_over_bad:
                    raise types.UserError(found.message)
                problems += 1
                if problems == 1:
                    _LOGGER.warning("passed over: %s", found.message)
    if problems > 1:
        _LOGGER.warning("%s: %d records were passed over", pattern, problems)


def _format_of(file: str, fmt: str) -> str:
    """The format of a file, by its name if `fmt` is "auto".

    Raises:
      UserError: If the name does not tell, or tells another than the default.
    """
    name = re.sub(r"(\.gz|\.bz2)$", "", file.rpartition("/")[2])
    named = next((f for f, known in _FORMATS.items() if re.fullmatch(known.names, name)), None)
    if fmt == AUTO and named is None:
        valid = f"{', '.join(_FORMATS)}. Plain texts need --format text"
        raise types.UserError(f"The name of {file} does not tell its format. Valid: {valid}.")
    if named is None and fmt == JSONL and re.fullmatch(_TEXT_MARKUP, name):
        named = TEXT
    if fmt == JSONL and named not in (JSONL, None):
        raise types.UserError(
            f"The name of {file} is that of a {named} file. Give --format {named}, or leave it out"
            " with a pattern such as 'corpus/*.jsonl'."
        )
    return named if fmt == AUTO and named is not None else fmt


def _finished(
    spec: _Format, file: str, found: records.RawDocument, corpus_config: config_lib.CorpusConfig
) -> types.Document | records.Dropped:
    """Cleans a record, and applies the rules that hold for every format."""
    form = cast(cleaning.Form, corpus_config.unicode_form)  # CorpusConfig checks it
    unescape = corpus_config.unescape_html or spec.is_escaped
    text = cleaning.clean(found.text, form=form, unescape=unescape)
    if spec.is_wiki and corpus_config.drop_empty_brackets:
        text = cleaning.clean(wiki_leftovers.tidy(text), form=form)
    if not text:
        return records.Dropped(file, found.number, "no_text")
    least = corpus_config.min_words
    if least is None:
        least = _WIKI_MIN_WORDS if spec.is_wiki else 0
    if least and words.count(text, least) < least:
        return records.Dropped(file, found.number, "near_empty")
    return types.Document(
        found.doc_id,
        file,
        found.number,
        cleaning.clean_line(found.title, form=form, unescape=unescape),
        text,
        artifacts.canonical_json(found.metadata),
    )


def _placed(fmt: str, problem: records.Problem) -> records.Problem:
    where = place(fmt, problem.file, problem.number)
    message = " ".join(f"{where}: {problem.message}".split())
    return problem._replace(message=message)
