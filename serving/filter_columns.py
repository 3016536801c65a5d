# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The declared fields of the metadata as columns of the served graph, and filters over them.

A column is the distinct values of its field, in order, and for every block the place of its value
among them: four bytes a block. A condition is decided value by value, and then looked up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from realm_tf.data import metadata
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from serving import big_variables, filter_parsing, text_places

# The operators of `filter_syntax` that have an order, in their order.
_ORDERS = (tf.less, tf.less_equal, tf.greater, tf.greater_equal)


class FilterColumns(tf.Module):
    """All fields that a table can be filtered by.

    Args:
      table: Table of the blocks of the knowledge corpus.

    Attributes:
      fields: Names of the fields and their types.
    """

    def __init__(self, table: block_table.BlockTable):
        super().__init__(name="filter_columns")
        self._num_rows = len(table)
        self.fields = dict(sorted(table.metadata_fields.items()))
        self._columns = [_Column(table, name, kind) for name, kind in self.fields.items()]

    def allowed(self, filters: tf.Tensor) -> tf.Tensor:
        """Which blocks may be found, <bool>[n, num_blocks].

        Args:
          filters: A filter for each question, <string>[n]; a blank one allows all blocks.

        Raises:
          InvalidArgumentError: See `filter_parsing.parse`.
        """
        distinct, place = tf.unique(filters)
        conditions = filter_parsing.parse(distinct, list(self.fields.items()))
        masks = tf.map_fn(
            lambda number: self._met(conditions, number),
            tf.range(tf.size(distinct)),
            fn_output_signature=tf.TensorSpec([self._num_rows], tf.bool),
            parallel_iterations=1,
        )
        return tf.gather(masks, place)

    def _met(self, conditions: filter_parsing.Conditions, number: tf.Tensor) -> tf.Tensor:
        """Which blocks meet all conditions of one filter, <bool>[num_blocks]."""
        every = tf.fill([self._num_rows], True)
        if not self._columns:
            with tf.control_dependencies([conditions.field]):  # where a field is refused
                return tf.identity(every)

        def also(place: tf.Tensor, met: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            texts, numbers = conditions.texts[place], conditions.numbers[place]
            operator = conditions.operator[place]
            found = tf.switch_case(
                conditions.field[place],
                [lambda c=column: c.meets(operator, texts, numbers) for column in self._columns],
            )
            return place + 1, met & found

        limit = conditions.starts[number + 1]
        _, met = tf.while_loop(
            lambda place, _: place < limit,
            also,
            (conditions.starts[number], every),
            parallel_iterations=1,
        )
        return met


class _Column(tf.Module):
    """One field.

    Its values end with one that no block has; it stands for no value.

    Args:
      table: Table of the blocks.
      name: Name of the field.
      kind: Its type.
    """

    def __init__(self, table: block_table.BlockTable, name: str, kind: str):
        super().__init__(name="filter_column")
        column = schema.metadata_column(name)
        values = _distinct(table, column, metadata.ARROW[kind])
        self._texts: text_places.TextPlaces | None = None
        if kind == metadata.STRING:
            self._texts = text_places.TextPlaces(values.cast(pa.binary()).to_pylist())
            values = values.take(pa.array(self._texts.order))
        else:
            values, keys = _by_number(values)
            keys = tf.constant(np.append(keys, np.inf), tf.float64)
            self._keys = tf.Variable(keys, trainable=False, name="value")
        self._num_values = len(values)
        self._places = big_variables.make(
            (len(table),), tf.int32, _places(table, column, values), name="place"
        )

    def meets(self, operator: tf.Tensor, texts: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
        """Which blocks meet a condition, <bool>[num_blocks].

        Args:
          operator: Number in `filter_syntax.OPERATORS`, <int32>[]; 0 of texts.
          texts: The values as texts, <string>[any].
          numbers: The values, if they are none, <float64>[any].
        """
        if self._texts is not None:
            places = self._texts(texts)
            chosen = self._at(places, places >= 0)
        else:
            orders = [lambda o=order: o(self._keys, numbers[0]) for order in _ORDERS]
            chosen = tf.switch_case(operator, [lambda: self._are_numbers(numbers), *orders])
        chosen &= tf.range(self._num_values + 1) < self._num_values
        return tf.gather(chosen, self._places)

    def _are_numbers(self, numbers: tf.Tensor) -> tf.Tensor:
        place = tf.searchsorted(self._keys, numbers)
        return self._at(place, tf.gather(self._keys, place) == numbers)

    def _at(self, places: tf.Tensor, are_equal: tf.Tensor) -> tf.Tensor:
        """Marks those of the places that are true, <bool>[num_values + 1]."""
        places = tf.boolean_mask(places, are_equal)[:, tf.newaxis]
        counts = tf.scatter_nd(places, tf.ones_like(places[:, 0]), [self._num_values + 1])
        return counts > 0


def _distinct(table: block_table.BlockTable, column: str, arrow: pa.DataType) -> pa.Array:
    """The distinct values of a column, without null."""
    found = pa.array([], arrow)
    for chunk in table.chunks():
        found = pc.unique(pa.concat_arrays([found, pc.unique(chunk.column(column))]))
    return found.drop_null()


def _by_number(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Numbers or dates in their order, and as numbers or days since 1970-01-01, <float64>[n]."""
    numbers = values.cast(pa.int32()) if pa.types.is_date32(values.type) else values
    keys = numbers.cast(pa.float64()).to_numpy(zero_copy_only=False)
    order = np.argsort(keys, kind="stable")
    return values.take(pa.array(order)), keys[order]


def _places(table: block_table.BlockTable, column: str, values: pa.Array) -> Iterator[np.ndarray]:
    for chunk in table.chunks():
        found = pc.index_in(chunk.column(column), value_set=values)
        yield pc.fill_null(found, len(values)).to_numpy(zero_copy_only=False)
