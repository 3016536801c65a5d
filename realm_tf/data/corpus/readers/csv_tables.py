# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from CSV and TSV tables with a header row; `csv_rows` says what a row is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import csv_rows, fields
from realm_tf.text.inputs import json_objects, lines

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def read_csv(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads the documents of a CSV file; `number` is the line at which the row begins.

    Raises:
      UserError: If the file is missing.
      streams.DamagedError: After the rows before the damage.
    """
    return _read(unit, corpus_config, ",")


def read_tsv(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads the documents of a TSV file; `number` is the line at which the row begins."""
    return _read(unit, corpus_config, "\t")


def _read(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig, delimiter: str
) -> Iterator[records.RawDocument | records.Problem]:
    table = csv_rows.Rows(unit.file, corpus_config, delimiter)
    rows = iter(table)
    header = next(rows, None)
    if header is None:
        return
    try:
        table.expect(header.cells, _check_header(header, corpus_config, delimiter))
    except lines.BadRecordError as error:
        yield records.Problem(unit.file, header.number, str(error))
        useless = f"the header in line {header.number} cannot be used, and so this row cannot."
        yield from (records.Problem(unit.file, number, useless) for number in table.unread())
        return
    for row in rows:
        try:
            yield _document(row, header.cells, corpus_config)
        except lines.BadRecordError as error:
            yield records.Problem(unit.file, row.number, str(error))


def _document(
    row: csv_rows.Row, names: Sequence[str], corpus_config: config_lib.CorpusConfig
) -> records.RawDocument:
    if row.problem:
        raise lines.BadRecordError(row.problem)
    if len(row.cells) != len(names):
        raise lines.BadRecordError(f"{len(row.cells)} cells, but the header has {len(names)}.")
    return fields.raw_document(row.number, dict(zip(names, row.cells, strict=True)), corpus_config)


def _check_header(
    header: csv_rows.Row, corpus_config: config_lib.CorpusConfig, delimiter: str
) -> str:
    """The column of the ids.

    Raises:
      BadRecordError: If the header does not name the columns that are needed, each once.
    """
    names = header.cells
    twice = sorted({name for name in names if names.count(name) > 1})
    if header.problem:
        raise lines.BadRecordError(header.problem)
    if twice:
        raise lines.BadRecordError(f"the header names {twice[0]!r} twice.")
    text_field = corpus_config.text_field
    id_field = fields.find_id_field(names, corpus_config)
    if id_field is not None and text_field in names:
        return id_field
    held = " | ".join(json_objects.short(name) for name in names)
    seen = [word for sign, word in _OTHER_DELIMITERS.items() if sign in names[0]]
    other = f" Is the file divided by {seen[0]}? csv has commas, tsv tabs." if seen else ""
    raise lines.BadRecordError(
        "the first row must be a header that names the columns, among them"
        f' "{corpus_config.id_field or "id"}" (or what corpus.id_field says) and "{text_field}"'
        f" (corpus.text_field). Received: {held[:200]}.{other if len(names) == 1 else ''}"
    )
