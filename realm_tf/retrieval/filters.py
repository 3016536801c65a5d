# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Filters: which documents a search may find, by the declared fields of their metadata.

A filter is any number of conditions, all of which must hold. As texts (`filter_syntax`): `lang=en`,
`lang=en,de` (one of these), `year>=2020`, `year>=2020; updated<2024-06-01`. A document without a
value meets no condition on it. They are evaluated column by column (pyarrow's compute), without a
Python object per row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from realm_tf import types
from realm_tf.data import metadata
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import filter_syntax

_COMPARE = {
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_UNDECLARED = "There are none: declare them in corpus.metadata_fields, and make the blocks again."

_Test = Callable[[pa.Array], pa.Array]


@dataclasses.dataclass(frozen=True)
class OneOf:
    """The value of a field is one of several.

    Attributes:
      field: Name of the field.
      values: Values of the type of the field, or texts of them; see `metadata.value`.
    """

    field: str
    values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Compared:
    """The value of a field, a number or a date, is in a range without an end.

    Attributes:
      field: Name of the field.
      operator: "<", "<=", ">" or ">=".
      value: The end of the range, of the type of the field, or a text of it.
    """

    field: str
    operator: str
    value: Any


Condition = OneOf | Compared


def parse(text: str) -> list[Condition]:
    """Reads the conditions of a text; see the module.

    Raises:
      UserError: If it is no filter, or blank.
    """
    written = filter_syntax.parse(text)
    if not written:
        raise types.UserError(f"{filter_syntax.NEEDED} Received: {text!r}.")
    return [
        OneOf(one.field, one.values)
        if one.operator == filter_syntax.EQUAL
        else Compared(one.field, one.operator, one.values[0])
        for one in written
    ]


def allowed(table: block_table.BlockTable, conditions: Sequence[Condition]) -> np.ndarray:
    """Which rows of a table meet all conditions: <bool>[num_blocks], what searches take.

    Raises:
      UserError: If a field is not declared (naming those that are), or a value is not of its type.
    """
    tests = [(schema.metadata_column(c.field), _test(c, table)) for c in conditions]
    found = np.ones(len(table), bool)
    for chunk in table.chunks():
        here = found[chunk.first_row : chunk.first_row + len(chunk)]
        for column, test in tests:
            met = pc.fill_null(test(chunk.column(column)), False)
            here &= met.to_numpy(zero_copy_only=False)
    return found


def _test(condition: Condition, table: block_table.BlockTable) -> _Test:
    """What tells of the values of a column whether they meet a condition; null is no."""
    kind = _kind(condition.field, table.metadata_fields, table.path)
    if isinstance(condition, OneOf):
        values = [_value(condition.field, kind, value) for value in condition.values]
        wanted = pa.array(values, metadata.ARROW[kind])
        return lambda column: pc.is_in(column, value_set=wanted)
    if kind == metadata.STRING:
        raise types.UserError(
            f"{condition.field} is of the type string, which has no order: compare it with =."
            f" Received: {condition.field}{condition.operator}{condition.value}."
        )
    end = pa.scalar(_value(condition.field, kind, condition.value), metadata.ARROW[kind])
    compare = _COMPARE[condition.operator]
    return lambda column: compare(column, end)


def _kind(field: str, fields: Mapping[str, str], path: str) -> str:
    if field not in fields:
        raise types.UserError(f"No field {field!r} to filter by in {path}. {known(fields)}")
    return fields[field]


def known(fields: Mapping[str, str]) -> str:
    """A sentence that names the fields to filter by, and their types."""
    names = ", ".join(f"{name} ({kind})" for name, kind in sorted(fields.items()))
    return f"There are: {names}." if names else _UNDECLARED


def _value(field: str, kind: str, given: Any) -> metadata.Value:
    try:
        made = metadata.value(kind, given)
    except metadata.WrongValueError as error:
        raise types.UserError(f"The filter by {field}, a {kind}: {error}") from None
    if made is None:
        raise types.UserError(f"The filter by {field} has an empty value. Leave it out.")
    return made
