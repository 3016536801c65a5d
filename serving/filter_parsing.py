# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Filters as texts to tensors, in the served graph: so a stock server takes them from any client.

The syntax is that of `filter_syntax`. Numbers and dates are read here, too: a date is the number of
its day, counted from 1970-01-01, and its time of day is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from realm_tf.data import metadata
from realm_tf.retrieval import filter_syntax, filters

MAX_CONDITIONS = 20  # of one filter: each costs a look at every block
_SHOWN_BYTES = 100  # of what was received
_CONDITION_SEP, _VALUE_SEP = "\x1e", "\x1f"  # which no filter holds
_NUMBER = r"[ \t]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*"
_DATE = r"[ \t]*([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[T ][0-9:.,+Z-]*)?[ \t]*"
_MONTH_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS_BEFORE_1970 = 719_468  # since 0000-03-01, where the count of days in 400 years begins


class Conditions(NamedTuple):
    """The conditions of filters, one after the other.

    Attributes:
      starts: Where those of each filter start, and where the last end, <int32>[num_filters + 1].
      field: Number of the field, <int32>[num_conditions].
      operator: Number in `filter_syntax.OPERATORS`, <int32>[num_conditions].
      texts: The values, ragged <string>[num_conditions, any].
      numbers: The same of fields of numbers and dates, ragged <float64>[num_conditions, any].
    """

    starts: tf.Tensor
    field: tf.Tensor
    operator: tf.Tensor
    texts: tf.RaggedTensor
    numbers: tf.RaggedTensor


def parse(texts: tf.Tensor, fields: Sequence[tuple[str, str]]) -> Conditions:
    """Reads filters.

    Args:
      texts: Filters <string>[num_filters]; blank ones have no conditions.
      fields: Names of the fields to filter by, and their types by `metadata`.

    Raises:
      InvalidArgumentError: When the graph runs, if one is no filter, names another field, or has a
        value that is not of the field's type.
    """
    is_filter = tf.strings.regex_full_match(texts, filter_syntax.FILTER)
    texts = _require(is_filter, texts, f"{filter_syntax.NEEDED} Received: ", texts)
    parts = _split(texts, ";", filter_syntax.CONDITION_END, _CONDITION_SEP)
    parts = _without_blanks(parts)
    few = parts.row_lengths() <= MAX_CONDITIONS
    whole = _require(few, texts, f"At most {MAX_CONDITIONS} conditions are taken: ", parts.values)
    name, operator, rest = (_part(whole, number) for number in (1, 2, 3))
    is_condition = tf.strings.regex_full_match(rest, r"(?s).*\S.*")
    is_condition &= tf.strings.regex_full_match(name, r"(?s).*[^!]")
    rest = _require(is_condition, whole, f"{filter_syntax.NEEDED} Received: ", rest)
    field = _field(name, fields)
    values = _values(rest)
    which = tf.cast(_place(operator, filter_syntax.OPERATORS), tf.int32)
    kind = tf.gather(tf.constant([of_field for _, of_field in fields] or [""]), field)
    values = values.with_flat_values(_checked(values, whole, which, kind))
    numbers = _numbers(values, whole, kind)
    return Conditions(tf.cast(parts.row_splits, tf.int32), field, which, values, numbers)


def _require(ok: tf.Tensor, texts: tf.Tensor, message: str, value: tf.Tensor) -> tf.Tensor:
    """`value`, if all of `ok` hold; otherwise an error that ends with the first other text."""
    wrong = tf.boolean_mask(texts, ~ok)[:1]
    told = tf.strings.reduce_join([message, tf.strings.reduce_join(wrong)])
    told = tf.strings.substr(told, 0, len(message.encode()) + _SHOWN_BYTES)
    told = tf.strings.unicode_transcode(told, "UTF-8", "UTF-8")  # Python cannot read another error
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(ok), [told])]):
        return tf.identity(value)


def _split(texts: tf.Tensor, sign: str, end: str, separator: str) -> tf.RaggedTensor:
    """Divides texts <string>[n] at a sign, where it does not stand in quotes."""
    marked = tf.strings.regex_replace(tf.strings.join([texts, sign]), end, rf"\1{separator}")
    return tf.strings.split(tf.strings.regex_replace(marked, f"{separator}$", ""), separator)


def _without_blanks(parts: tf.RaggedTensor) -> tf.RaggedTensor:
    return tf.ragged.boolean_mask(
        parts, parts.with_values(tf.strings.regex_full_match(parts.values, r"(?s).*\S.*"))
    )


def _part(conditions: tf.Tensor, group: int) -> tf.Tensor:
    return tf.strings.regex_replace(conditions, f"^{filter_syntax.PARTS}$", rf"\{group}")


def _place(texts: tf.Tensor, known: Sequence[str]) -> tf.Tensor:
    """Where texts <string>[n] stand among those that are known, of which they are."""
    return tf.argmax(tf.equal(texts[:, tf.newaxis], tf.constant(list(known))), axis=1)


def _field(name: tf.Tensor, fields: Sequence[tuple[str, str]]) -> tf.Tensor:
    names = [name for name, _ in fields] or [""]
    is_known = tf.reduce_any(name[:, tf.newaxis] == tf.constant(names), axis=1)
    message = f"There is no such field to filter by. {filters.known(dict(fields))} Received: "
    name = _require(is_known, name, message, name)
    return tf.cast(_place(name, names), tf.int32)


def _values(rest: tf.Tensor) -> tf.RaggedTensor:
    values = _split(rest, ",", filter_syntax.VALUE_END, _VALUE_SEP)
    flat = values.flat_values
    quoted = tf.strings.regex_full_match(flat, filter_syntax.QUOTED)
    inner = tf.strings.regex_replace(flat, f"^{filter_syntax.QUOTED}$", r"\1")
    inner = tf.strings.regex_replace(inner, '""', '"')
    plain = tf.strings.regex_replace(flat, f"^{filter_syntax.PLAIN}$", r"\1")
    return values.with_flat_values(tf.where(quoted, inner, plain))


def _checked(
    values: tf.RaggedTensor, whole: tf.Tensor, operator: tf.Tensor, kind: tf.Tensor
) -> tf.Tensor:
    """The flat values, if there are none too many, and none is empty or cannot be compared."""
    flat, is_order = values.flat_values, operator > 0
    one = ~is_order | (values.row_lengths() == 1)
    flat = _require(one, whole, "<, <=, > and >= take one value. Received: ", flat)
    has_order = ~is_order | (kind != metadata.STRING)
    message = "A field of the type string has no order: compare it with =. Received: "
    flat = _require(has_order, whole, message, flat)
    is_value = tf.strings.regex_full_match(flat, r"(?s).*\S.*")
    of_value = tf.gather(whole, values.value_rowids())
    return _require(is_value, of_value, "A value is empty. Received: ", flat)


def _numbers(values: tf.RaggedTensor, whole: tf.Tensor, kind: tf.Tensor) -> tf.RaggedTensor:
    """Numbers, and days of dates; 0 of texts."""
    flat, row = values.flat_values, values.value_rowids()
    kind, whole = tf.gather(kind, row), tf.gather(whole, row)
    is_date = kind == metadata.DATE
    made = tf.zeros_like(flat, tf.float64)
    for of_kind, read in ((metadata.NUMBER, _number), (metadata.DATE, _day)):
        number, ok = read(flat)
        is_kind = kind == of_kind
        message = f"The field is a {of_kind}, and the value none. Received: "
        number = _require(ok | ~is_kind, whole, message, number)
        made = tf.where(is_date if of_kind == metadata.DATE else is_kind, number, made)
    return values.with_flat_values(made)


def _number(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Numbers <float64>[n] of texts, and of which texts they are true."""
    ok = tf.strings.regex_full_match(texts, _NUMBER)
    number = tf.strings.to_number(tf.strings.strip(tf.where(ok, texts, "0")), tf.float64)
    return number, ok & tf.math.is_finite(number)


def _day(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Days <float64>[n] since 1970-01-01 of dates, and of which texts they are true.

    The months count from March, so that a leap day is the last of its year; see Howard Hinnant,
    "chrono-compatible low-level date algorithms" (2013).
    """
    ok = tf.strings.regex_full_match(texts, _DATE)
    texts = tf.where(ok, texts, "1970-01-01")
    year, month, day = (
        tf.strings.to_number(tf.strings.regex_replace(texts, f"^{_DATE}$", rf"\{part}"), tf.int32)
        for part in (1, 2, 3)
    )
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    ok &= (year > 0) & (month > 0) & (month <= 12) & (day > 0)
    month = tf.clip_by_value(month, 1, 12)
    days = tf.gather(tf.constant(_MONTH_DAYS), month) + tf.cast(is_leap & (month == 2), tf.int32)
    shifted = year - tf.cast(month <= 2, tf.int32)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    before = 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400
    return tf.cast(before + of_year - _DAYS_BEFORE_1970, tf.float64), ok & (day <= days)
