# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rows of CSV and TSV tables, so that no quote takes other rows into its cell unseen.

Quotes are those of RFC 4180: a quoted cell may hold line ends. Where people wrote quotes as text,
one that has no partner opens a cell that goes on through the rows behind it, to the next stray
quote. So a row of several lines is refused if one of them reads as a row of its own, and reading
goes on at that line: what is lost is the one row. `corpus.quotes` decides such cases.
"""

from __future__ import annotations

import collections
import csv
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from realm_tf import config as config_lib
from realm_tf.text.inputs import lines, streams

_MANY_LINES = 1000
_OPTION = (
    " Set corpus.quotes=false if quotes are text in this file; if they do quote cells as RFC 4180"
    " says, true."
)
_KINDS = ((re.compile(r"\d"), "0"), (re.compile(r"[^\W\d_]"), "a"), (re.compile(r"\s"), " "))


class Row(NamedTuple):
    """A row of a table, or what is wrong with it.

    Attributes:
      number: Line at which it begins, from 1.
      cells: Its cells; none if it cannot be read.
      problem: What is wrong; "" if nothing is.
    """

    number: int
    cells: list[str]
    problem: str = ""


class Rows:
    """The rows of a table. A line that is blank outside of quotes is no row.

    Args:
      file: Path of the table.
      corpus_config: Says how long a row may be, and what quotes are.
      delimiter: Character between cells.
    """

    def __init__(self, file: str, corpus_config: config_lib.CorpusConfig, delimiter: str):
        self._config = corpus_config
        self._delimiter, self._mark = delimiter, delimiter.encode()
        self._width, self._id_column, self._last_id = 0, 0, ""
        csv.field_size_limit(corpus_config.max_record_bytes)  # of the process
        self._source = _Source(file, corpus_config.max_record_bytes, self._check_open_quote)

    def expect(self, names: Sequence[str], id_field: str) -> None:
        """Says what columns the header names: a line like such a row is not taken into a cell."""
        self._width, self._id_column = len(names), list(names).index(id_field)

    def __iter__(self) -> Iterator[Row]:
        """Yields the rows in order.

        Raises:
          UserError: If the file is missing.
          streams.DamagedError: After the rows before the damage.
        """
        plain = self._config.quotes is False
        reader = iter(self._unquoted()) if plain else self._csv_reader(self._source)
        while True:
            self._source.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                break
            except (csv.Error, _RefusedError) as error:
                yield self._refused(str(error))
                continue
            row = self._row(cells)
            if row is not None:
                yield row
        if self._source.damage is not None:
            raise self._source.damage

    def unread(self) -> Iterator[int]:
        """Yields the numbers of all other lines that are not blank, and reads no row in them.

        Raises:
          streams.DamagedError: After the lines before the damage.
        """
        while True:
            self._source.begin_row()
            try:
                text = next(self._source)
            except StopIteration:
                break
            except _RefusedError:
                text = ""  # too long
            if text != "\n":
                yield self._source.taken[0].number
        if self._source.damage is not None:
            raise self._source.damage

    def _unquoted(self) -> Iterator[list[str]]:
        for text in self._source:
            yield text[:-1].split(self._delimiter) if text != "\n" else []

    def _csv_reader(self, source: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(source, delimiter=self._delimiter, strict=True)

    def _row(self, cells: list[str]) -> Row | None:
        taken = self._source.taken
        if not cells:  # of a blank line
            return None
        if not self._source.is_utf8:
            return Row(taken[0].number, [], "not UTF-8.")
        if len(taken) > 1 and self._width and len(cells) != self._width:
            return self._refused(f"{len(cells)} cells, but the header has {self._width}.")
        if len(cells) == self._width:
            self._last_id = cells[self._id_column]
        return Row(taken[0].number, cells)

    def _refused(self, reason: str) -> Row:
        """Makes a bad row of the lines that were taken, up to the first that reads as a row."""
        first, *rest = self._source.taken
        starts = (i for i, line in enumerate(rest) if self._begins_row(line))
        kept = next(starts, len(rest))
        self._source.give_back(rest[kept:])
        if first.is_too_long:
            return Row(first.number, [], reason)
        took = f" It took {len(rest) + 1} lines, up to line {rest[-1].number}." if rest else ""
        if kept < len(rest):
            took = f" It took {len(rest) + 1} lines; reading goes on at line {rest[kept].number}."
        return Row(first.number, [], f"{_in_our_words(reason)}{took}{_OPTION}")

    def _check_open_quote(self, taken: Sequence[lines.Line]) -> None:
        """Refuses a row of several lines as soon as it seems to be made by a stray quote."""
        if self._config.quotes or not self._width:
            return
        if len(taken) > _MANY_LINES:
            raise _RefusedError(f"a quote opens a cell of more than {_MANY_LINES} lines.")
        if not self._last_id:  # of the first row
            cells = taken[0].text.decode("utf-8", "replace").split(self._delimiter)
            self._last_id = "".join(cells[self._id_column : self._id_column + 1])
        line = taken[-1]
        if self._is_row(line) and not self._may_close(taken[0], line):
            raise _RefusedError("a quote opens a cell that holds whole rows of the table.")

    def _is_row(self, line: lines.Line) -> bool:
        """Whether a line reads as a row of its own."""
        surplus = line.text.count(self._mark) - self._width + 1
        if surplus < 0 or (surplus and b'"' not in line.text):  # most lines, and fast
            return False
        try:
            text = line.text.decode("utf-8", "replace")
            return self._reads_as_row(next(self._csv_reader(iter([text])), []))
        except csv.Error:
            return False

    def _begins_row(self, line: lines.Line) -> bool:
        """Whether a line reads as a row, or as the first of several, behind whose id a quote opens.

        Of a header no line can be part, so any may be a row.
        """
        if not self._width or self._is_row(line):
            return True
        cells = line.text.decode("utf-8", "replace").split(self._delimiter)
        plain = list(itertools.takewhile(lambda cell: not cell.startswith('"'), cells))
        if not self._id_column < len(plain) < len(cells):
            return False
        return _kind(plain[self._id_column]) == _kind(self._last_id)

    def _reads_as_row(self, cells: Sequence[str]) -> bool:
        """Whether there are as many cells as in the header, and an id like the one before.

        Prose has commas, too, but with a blank behind them, and no ids between them.
        """
        if len(cells) != self._width or self._delimiter == "\t":
            return len(cells) == self._width
        is_prose = any(cell.startswith(" ") for cell in cells[1:])
        return not is_prose and _kind(cells[self._id_column]) == _kind(self._last_id)

    def _may_close(self, first: lines.Line, line: lines.Line) -> bool:
        """Whether a line that reads as a row may be the end of a row whose first cell is quoted."""
        is_odd = line.text.count(b'"') % 2 == 1
        cells = first.text.decode("utf-8", "replace").split(self._delimiter)
        return is_odd and cells[0].startswith('"') and not self._reads_as_row(cells)


class _RefusedError(Exception):
    """What was taken for a row is none."""


class _Source:
    """The lines of a file as text, for `csv.reader`; those of the row being read are kept.

    Attributes:
      taken: The lines of the row.
      is_utf8: Whether all of them are UTF-8.
      damage: What ended the file too early, or None.
    """

    def __init__(self, file: str, max_bytes: int, check: Callable[[Sequence[lines.Line]], None]):
        self._lines = lines.lines(file, max_bytes)
        self._again: collections.deque[lines.Line] = collections.deque()
        self._max_bytes = max_bytes
        self._check = check
        self._size = 0
        self.taken: list[lines.Line] = []
        self.is_utf8 = True
        self.damage: streams.DamagedError | None = None

    def begin_row(self) -> None:
        """The next line begins a row."""
        self.taken, self._size, self.is_utf8 = [], 0, True

    def give_back(self, taken: Sequence[lines.Line]) -> None:
        """The next lines are these, again."""
        self._again.extendleft(reversed(taken))

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str:
        try:
            line = self._again.popleft() if self._again else next(self._lines)
        except streams.DamagedError as damage:
            self.damage = damage
            raise StopIteration from damage
        self.taken.append(line)
        self._size += line.size + 1
        if line.is_too_long or self._size > self._max_bytes:
            limit = f"more than {self._max_bytes >> 20} MB (corpus.max_record_mb)"
            raise _RefusedError(f"the row has {limit}: is a quote not closed?")
        if len(self.taken) > 1:
            self._check(self.taken)
        try:
            return line.text.decode("utf-8") + "\n"
        except UnicodeDecodeError:
            self.is_utf8 = False
            return line.text.decode("utf-8", "replace") + "\n"


def _kind(cell: str) -> frozenset[str]:
    """What characters an id is made of: letters, digits, blanks, and which signs but quotes."""
    cell = cell.replace('"', "")
    for pattern, mark in _KINDS:
        cell = pattern.sub(mark, cell)
    return frozenset(cell)


def _in_our_words(reason: str) -> str:
    """The errors of the csv module, said for those who have the file and not the program."""
    if reason.startswith("unexpected end"):
        return "a quote opens a cell and is not closed up to the end of the file."
    if reason.startswith("new-line"):
        return "a carriage return stands in a cell that is not quoted."
    if "expected after" in reason:
        return (
            "not a row of a table: text stands behind a closing quote. In quoted cells a quote"
            " is doubled."
        )
    return reason
