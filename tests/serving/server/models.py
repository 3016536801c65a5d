# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small SavedModels with signatures of every kind, as versions of a model."""

import json
import pathlib

import tensorflow as tf

from serving import versions, warmup

CREATED = "2026-01-31T12:00:00+00:00"  # the snapshot of every version but the first
_TEXTS = [tf.TensorSpec([None], tf.string, name="question")]
_DEFAULT_K = tf.constant([3])
_NO_FILTER = tf.constant([""])


class Model(tf.Module):
    """A model that tells its version in its answers."""

    def __init__(self, number: int):
        super().__init__()
        self.number = tf.Variable(number, trainable=False)

    @tf.function(input_signature=_TEXTS)
    def answer(self, question):
        """Says the question in capitals."""
        version = tf.repeat(self.number, tf.shape(question)[0])
        return {"answer": tf.strings.upper(question), "version": version}

    @tf.function(input_signature=_TEXTS)
    def refuse(self, question):
        """Fails if any question of the batch is "bad"."""
        check = tf.debugging.assert_none_equal(question, "bad", message="a bad question")
        with tf.control_dependencies([check]):
            return {"answer": tf.identity(question), "rows": tf.ones_like(question, tf.int32)}

    @tf.function(
        input_signature=[*_TEXTS, tf.TensorSpec([None], tf.int32, name="k")], autograph=False
    )
    def top(self, question, k=_DEFAULT_K):
        """As many answers as the largest k of the batch."""
        width = tf.reduce_max(k)
        places = tf.tile(tf.range(width)[tf.newaxis], [tf.shape(question)[0], 1])
        return {"place": places, "k": tf.identity(k)}

    @tf.function(
        input_signature=[*_TEXTS, tf.TensorSpec([None], tf.string, name="filter")], autograph=False
    )
    def under_filter(self, question, filter=_NO_FILTER):  # noqa: A002  as exports call it
        """Tells each question whether any of its batch has a filter."""
        return {"filtered": tf.fill(tf.shape(question), tf.reduce_any(filter != ""))}

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="vector")])
    def norm(self, vector):
        """Squares of lengths."""
        return {"norm": tf.reduce_sum(vector * vector, axis=1)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([], tf.float32, name="factor"),
            tf.TensorSpec([None], tf.bool, name="flag_bytes"),
        ]
    )
    def scale(self, factor, flag_bytes):
        """An input without a batch dimension, and an output that is binary."""
        numbers = tf.cast(flag_bytes, tf.float32) * factor
        text = tf.where(flag_bytes, b"\xff\x00", b"")
        return {"number": numbers, "text_bytes": text}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="turns")])
    def slow(self, turns):
        """Works for a time that grows with `turns`."""
        matrix = tf.ones([64, 64]) / 64
        _, end = tf.while_loop(
            lambda i, _: i < tf.reduce_max(turns),
            lambda i, m: (i + 1, tf.matmul(m, matrix)),
            (0, matrix),
            parallel_iterations=1,
        )
        return {"end": tf.repeat(end[0, 0], tf.shape(turns)[0])}


def save(path: pathlib.Path, number: int, *, with_warmup: bool = False) -> pathlib.Path:
    """Writes a version aside, then renames it into the directory of the model."""
    model = Model(number)
    aside, target = path / f"{number}.tmp", path / str(number)
    names = ("refuse", "top", "under_filter", "norm", "scale", "slow")
    signatures = {name: getattr(model, name) for name in names}
    tf.saved_model.save(
        model, str(aside), signatures={"serving_default": model.answer, **signatures}
    )
    if with_warmup:
        warmup.write(str(aside / warmup.PATH), {"retrieve": model.answer})
    record = {"snapshot_step": 100 * number, "files": {}}
    if number > 1:
        record["snapshot_created"] = CREATED
    (aside / versions.RECORD).write_text(json.dumps(record))
    aside.rename(target)
    return target
