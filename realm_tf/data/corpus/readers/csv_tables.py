# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads documents from CSV and TSV tables with a header row, quoted as in RFC 4180.

A field may hold line ends if it is quoted. What is no such table is refused rather than guessed at:
of a quote that never closes, everything behind it would become one field.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from realm_tf import config as config_lib
from realm_tf.data.corpus import records
from realm_tf.data.corpus.readers import fields, files


def read_csv(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig
) -> Iterator[records.RawDocument | records.Problem]:
    """Reads the documents of a CSV file; `number` is the line at which the row begins.

    Raises:
      UserError: If the file is missing.
      files.DamagedError: After the rows before the damage.
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
    header: list[str] | None = None
    for number, row in _rows(unit, corpus_config, delimiter):
        try:
            if isinstance(row, str):
                raise fields.FieldError(row)
            if any(not cell.isascii() and "\udc80" <= max(cell) <= "\udcff" for cell in row):
                "".join(row).encode("utf-8")
            if header is None:
                header = _header(row)
                continue
            if len(row) != len(header):
                raise fields.FieldError(f"{len(row)} cells, but the header has {len(header)}.")
            yield fields.raw_document(number, dict(zip(header, row, strict=True)), corpus_config)
        except UnicodeEncodeError:
            yield records.Problem(unit.file, number, "not UTF-8.")
        except fields.FieldError as error:
            yield records.Problem(unit.file, number, str(error))
        if header is None:
            raise files.DamagedError("the first row must be a header that names the columns")


def _header(row: list[str]) -> list[str]:
    twice = sorted({name for name in row if row.count(name) > 1})
    if twice:
        raise fields.FieldError(f"the header names {twice[0]!r} twice.")
    return row


def _rows(
    unit: records.Unit, corpus_config: config_lib.CorpusConfig, delimiter: str
) -> Iterator[tuple[int, list[str] | str]]:
    """Yields (line, cells), or what is wrong with the row."""
    csv.field_size_limit(
        corpus_config.max_record_bytes
    )  # of the process; rows are limited in `_Lines`
    lines = _Lines(unit.file, corpus_config.max_record_bytes)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        try:
            row: list[str] | str = next(reader)
        except StopIteration:
            return
        except _TooLongError as error:
            raise files.DamagedError(
                f"the row of line {lines.row_line} has more than {error} bytes"
                f" (corpus.max_record_mb={corpus_config.max_record_mb}): is a quote not closed?"
            ) from None
        except csv.Error as error:
            row = f"not a row of a table: {error}."
        if row:  # a blank line gives no cells
            yield lines.row_line, row


class _TooLongError(Exception):
    """A row has more bytes than are read."""


class _Lines:
    """The lines of a file as text, for `csv.reader`, counted by row.

    Bytes that are not UTF-8 become lone surrogates, which the reader passes on.
    """

    def __init__(self, file: str, max_bytes: int):
        self._lines = files.lines(file, max_bytes)
        self._max_bytes = max_bytes
        self._size = 0
        self.row_line = 0

    def begin_row(self) -> None:
        """The next line begins a row."""
        self._size = self.row_line = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.row_line = self.row_line or line.number
        self._size += line.size + 1
        if line.is_too_long or self._size > self._max_bytes:
            raise _TooLongError(self._max_bytes)
        return line.text.decode("utf-8", "surrogateescape") + "\n"
