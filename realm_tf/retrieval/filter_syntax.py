# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The syntax of filters as texts, in patterns that both Python and the served graph (RE2) take.

A filter is any number of conditions, with a semicolon between two. A condition is a field, an
operator, and a value, or several for `=`, with a comma between two. A value with a comma, a
semicolon or a double quote stands in double quotes, in which a double quote is written twice.
Blanks around fields and values mean nothing. Control characters are not taken: in the graph two of
them separate what was found.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from realm_tf import types

EQUAL = "="
OPERATORS = (EQUAL, "<", "<=", ">", ">=")

_ANY = r'[^";\x00-\x08\x0b\x0c\x0e-\x1f]'
_QUOTED = r'"(?:[^"\x00-\x08\x0b\x0c\x0e-\x1f]|"")*"'
_PART = _ANY.replace(";", ";,")
_BLANKS = r"[ \t\r\n]*"
_VALUE = rf"(?:{_BLANKS}{_QUOTED}{_BLANKS}|{_PART}*)"
_FIELD = r'[^<>=";\x00-\x1f]*'
_OPERATOR = r"(?:<=|>=|<|>|=)"
_CONDITION = rf"{_FIELD}{_OPERATOR}{_VALUE}(?:,{_VALUE})*"

# A text that is a filter; blank ones are, too: they have no condition.
FILTER = rf"{_BLANKS}(?:{_CONDITION}(?:;{_CONDITION})*;?)?{_BLANKS}"
# One after the other they match all of such a text, if it has a semicolon at its end. The group is
# the condition, or the value.
CONDITION_END = rf"({_ANY}*(?:{_QUOTED}{_ANY}*)*);"
VALUE_END = rf"({_PART}*(?:{_QUOTED}{_PART}*)*),"
# Of a condition: its field, its operator, and its values.
PARTS = rf"{_BLANKS}([^<>=]*?){_BLANKS}({_OPERATOR})((?s:.*))"
# Of a value in quotes: what stands in them. Of any other: what stands between its blanks.
QUOTED = rf'{_BLANKS}"((?s:.*))"{_BLANKS}'
PLAIN = rf"{_BLANKS}((?s:.*?)){_BLANKS}"

NEEDED = (
    "A filter must be a field, one of =, <, <=, > and >=, and a value, such as lang=en,de or"
    " year>=2020; a semicolon stands between two conditions. A value with a comma, a semicolon or a"
    " double quote stands in double quotes."
)


class Condition(NamedTuple):
    """A condition as it is written.

    Attributes:
      field: Name of the field.
      operator: One of `OPERATORS`.
      values: Its values, as texts; one if the operator is not `EQUAL`.
    """

    field: str
    operator: str
    values: tuple[str, ...]


def parse(text: str) -> list[Condition]:
    """Reads the conditions of a filter; none if the text is blank.

    Raises:
      UserError: If it is no filter.
    """
    if re.fullmatch(FILTER, text) is None:
        raise types.UserError(f"{NEEDED} Received: {text!r}.")
    texts = [part for part in re.findall(CONDITION_END, text + ";") if part.strip()]
    return [_condition(part, text) for part in texts]


def _condition(part: str, text: str) -> Condition:
    match = re.fullmatch(PARTS, part)
    if match is None or not match[1] or match[1].endswith("!") or not match[3].strip():
        raise types.UserError(f"{NEEDED} Received: {text!r}.")
    field, operator, rest = match.groups()
    values = tuple(_value(value) for value in re.findall(VALUE_END, rest + ","))
    if operator != EQUAL and len(values) > 1:
        raise types.UserError(f"{operator} takes one value. Received: {part.strip()!r}.")
    return Condition(field, operator, values)


def _value(text: str) -> str:
    quoted = re.fullmatch(QUOTED, text)
    if quoted is not None:
        return quoted[1].replace('""', '"')
    return re.fullmatch(PLAIN, text)[1]  # type: ignore[index]  # it matches any text
