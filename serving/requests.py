# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a request may hold, in the served graph: any shape, any number, any bytes.

A server does not hold a request against the shapes that a signature declares, and an op that meets
a shape which it does not expect may end the whole server, for everybody.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from serving import replies

NUM_ANSWERS = replies.NUM_ANSWERS  # of `serving_default`
NUM_RETRIEVED = 10  # of `serving_default` of a retriever that is served apart

# The score of a place without a block; JSON knows no infinity.
NO_BLOCK = tf.float32.min

# For one question; what asks for more gets as many.
MAX_READ = 100
MAX_ANSWERS = 20
MAX_BLOCKS = 1000

_NUMBERS = {"retrieval_score": tf.float32, "num_read": tf.int32, "num_answers": tf.int32}
_NUMBERS |= {"k": tf.int32, "with_metadata": tf.bool}


def specs(*names: str, per_block: tuple[str, ...] = ()) -> list[tf.TensorSpec]:
    """Specs of inputs [batch_size], or [batch_size, num_blocks]; texts unless they are numbers.

    Args:
      *names: Names of the inputs.
      per_block: Those that have an entry for each block.
    """
    return [
        tf.TensorSpec([None, None] if n in per_block else [None], _NUMBERS.get(n, tf.string), n)
        for n in names
    ]


def defaults(*values: Any) -> list[tf.Tensor]:
    """What inputs of requests are that are left out: one entry, for all questions."""
    return [tf.constant([value]) for value in values]


def answer_defaults(num_read: int) -> dict[str, tf.Tensor]:
    """What the inputs of the signature `answer` are that are left out, by name; see `defaults`."""
    values = defaults(num_read, NUM_ANSWERS, False, "")
    return dict(zip(("num_read", "num_answers", "with_metadata", "filter"), values, strict=True))


def answer_function(answer: Callable[..., dict[str, tf.Tensor]], num_read: int) -> Any:
    """The signature `answer` as a tf.function, of which all inputs but `question` may be left out.

    Args:
      answer: Takes the inputs as keywords, and `filter` as `filters`.
      num_read: Number of blocks that are read for a question, unless it says so.
    """
    left_out = answer_defaults(num_read)

    def answer_as_wanted(
        question: tf.Tensor,
        num_read: tf.Tensor = left_out["num_read"],
        num_answers: tf.Tensor = left_out["num_answers"],
        with_metadata: tf.Tensor = left_out["with_metadata"],
        filter: tf.Tensor = left_out["filter"],  # noqa: A002  as requests call it
    ) -> dict[str, tf.Tensor]:
        return answer(
            question=question,
            num_read=num_read,
            num_answers=num_answers,
            with_metadata=with_metadata,
            filters=filter,
        )

    names = specs("question", *left_out)
    return tf.function(answer_as_wanted, input_signature=names, autograph=False)


def flat(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Takes inputs of any shape for lists, one entry for each row; an input of one goes for all.

    The placeholder forgets the declared shape, for which the reshape would be optimised away.

    Raises:
      InvalidArgumentError: When the graph runs, if two inputs have different numbers of rows.
    """
    lists = {
        name: tf.reshape(tf.compat.v1.placeholder_with_default(value, shape=None), [-1])
        for name, value in inputs.items()
    }
    return same_rows(**lists)


def matrices(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Takes inputs of any shape for tables: a number is one column, a list one row.

    Of the first columns, as many are kept as all of them have.
    """
    tables = {}
    for name, value in inputs.items():
        any_shape = tf.compat.v1.placeholder_with_default(value, shape=None)
        shape = tf.concat([[1, 1], tf.shape(any_shape)], 0)[-2:]
        shape = tf.where(tf.rank(any_shape) > 2, [-1, shape[1]], shape)
        tables[name] = tf.reshape(any_shape, shape)
    columns = tf.reduce_min([tf.shape(table)[1] for table in tables.values()])
    return {name: table[:, :columns] for name, table in tables.items()}


def same_rows(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Refuses inputs [n, ...] with another number of rows than the first; one row goes for all."""
    first, *others = inputs.items()
    num_rows = tf.shape(first[1])[0]
    rows = dict([first])
    for name, value in others:
        size = tf.shape(value)[0]
        message = f"{name} must have one entry for each {first[0]}, or one for all."
        fits = tf.debugging.assert_equal((size == num_rows) | (size == 1), True, message)
        with tf.control_dependencies([fits]):
            shape = tf.concat([[num_rows], tf.shape(value)[1:]], 0)
            rows[name] = tf.broadcast_to(value, shape)
    return rows


def within(number: tf.Tensor, least: int, most: int) -> tf.Tensor:
    """The nearest number in [least, most]; <int32>[n]."""
    return tf.clip_by_value(number, least, most)


def asks(question: tf.Tensor) -> tf.Tensor:
    """Whether texts <string>[n] hold a letter or a digit, without which nothing is asked."""
    return tf.strings.regex_full_match(question, r"(?s).*[\pL\pN].*")
