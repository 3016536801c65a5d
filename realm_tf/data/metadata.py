# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Types of the fields of metadata that `corpus.metadata_fields` declares, and values of them.

| type | a value in a record, or in a filter | Arrow type |
|---|---|---|
| `string` | a text, or a whole number, which is one then | string |
| `number` | a number, or a text that is one; compared as 64-bit floating point | double |
| `date` | an ISO 8601 date, such as "2024-05-31", whose time of day is passed over | date32 |

Tables without types (CSV) hold texts alone, so a text that is a number will do for one. Nothing,
null and an empty text are no value.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from realm_tf.config import ranges

STRING, NUMBER, DATE = "string", "number", "date"
ARROW = {STRING: pa.string(), NUMBER: pa.float64(), DATE: pa.date32()}

Value = str | float | datetime.date


class WrongValueError(ValueError):
    """A value is not of the type of its field; the message says what is needed."""


def type_of(arrow: pa.DataType) -> str:
    """The type of the fields whose columns are of an Arrow type."""
    return next(kind for kind, of_column in ARROW.items() if of_column == arrow)


def value(kind: str, given: Any) -> Value | None:
    """Takes a JSON value, or a text of a filter, as a value of a type.

    Args:
      kind: `STRING`, `NUMBER` or `DATE`.
      given: Any JSON value; of a date also a `datetime.date`.

    Returns:
      None if there is no value.

    Raises:
      WrongValueError: If it is of another type.
    """
    if given is None or (isinstance(given, str) and not given.strip()):
        return None
    try:
        made = _MAKERS[kind](given)
    except (ValueError, OverflowError):
        made = None
    if made is None:
        raise WrongValueError(f"it must be {_NEEDED[kind]}. Received: {ranges.shown(given)}.")
    return made


def fault(given: Mapping[str, Any], fields: Mapping[str, str]) -> str | None:
    """What is wrong with the metadata of a record; None if nothing is.

    Args:
      given: The metadata, as JSON values by field.
      fields: Declared fields and their types.
    """
    for name, kind in fields.items():
        try:
            value(kind, given.get(name))
        except WrongValueError as error:
            return f'"{name}" is of the type {kind} in corpus.metadata_fields: {error}'
    return None


def _string(given: Any) -> str | None:
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    if not isinstance(given, str):
        return None
    given.encode("utf-8")  # half a surrogate pair, which JSON can hold, is no text
    return given


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    if isinstance(given, str) and "_" in given:  # which only Python reads
        return None
    number = float(given)
    return number if math.isfinite(number) else None


def _date(given: Any) -> datetime.date | None:
    if isinstance(given, datetime.datetime):
        return given.date()
    if isinstance(given, datetime.date):
        return given
    if not isinstance(given, str):
        return None
    return datetime.datetime.fromisoformat(given.strip()).date()


_MAKERS = {STRING: _string, NUMBER: _number, DATE: _date}
_NEEDED = {
    STRING: "a text",
    NUMBER: "a number",
    DATE: 'a date as in ISO 8601, such as "2024-05-31"',
}
