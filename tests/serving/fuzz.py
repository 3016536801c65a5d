# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Asks the signatures of an export anything, in a process of its own that it might end.

    python fuzz.py VERSION_DIR ...

A server feeds the tensors of a request to the graph, without Python's checks of shapes: so does
this. Prints how many requests of each signature were answered and how many refused.
"""

from __future__ import annotations

import itertools
import json
import sys

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401
from scann import scann_ops  # noqa: F401  of exports that search with it

TEXTS = ("Where is the lake?", "", "\0", b"\xff\xfe\x80", "\U0001f642" * 50, "the " * 5000)
# For corpora with the fields `year` and `lang`.
FILTERS = (
    *("", "year>=2020", ' lang = "a;b",en; year<1e3 ;', " ", "year<2021; lang=en", "lang=en"),
    *("lang=" + "a," * 9999 + "a", "year>=2021-01-01", b"lang=\xff", "who>3", "year=1;" * 500),
)
SHAPES = ((), (0,), (1,), (2,), (3,), (1, 1), (2, 2), (0, 4), (1, 0), (2, 1, 2))
NUMBERS = {
    tf.int32: (0, 1, -1, 3, 2**31 - 1, -(2**31)),
    tf.float32: (0.0, np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40),
    tf.bool: (True, False),
}


def fill(name: str, dtype: tf.DType, shape: tuple[int, ...], start: int) -> np.ndarray:
    """An array of odd values for an input."""
    texts = FILTERS if name == "filter" else TEXTS
    values = texts if dtype == tf.string else NUMBERS[dtype]
    cycle = itertools.islice(itertools.cycle(values), start, start + int(np.prod(shape)))
    made = np.empty(int(np.prod(shape)), object if dtype == tf.string else dtype.as_numpy_dtype)
    made[:] = list(cycle)
    return made.reshape(shape)


def requests(inputs: dict[str, tf.TensorSpec]):
    """Inputs of all shapes, of shapes that differ, of wrong types, and many questions."""
    for number, shape in enumerate(SHAPES):
        yield {name: fill(name, spec.dtype, shape, number) for name, spec in inputs.items()}
    # Shapes that belong together, with odd values: as many rows, and so many things in a row.
    for number, size in enumerate(itertools.product((0, 1, 2, 3), (0, 1, 2))):
        yield {
            name: fill(name, spec.dtype, size[: spec.shape.rank], number)
            for name, spec in inputs.items()
        }
    for number, other in enumerate(SHAPES):
        shapes = [other] + [(2,)] * (len(inputs) - 1)
        items = list(inputs.items())
        for turn in range(len(items)):
            yield {
                name: fill(name, spec.dtype, shapes[(place + turn) % len(items)], number)
                for place, (name, spec) in enumerate(items)
            }
    for wrong in (tf.int32, tf.float32, tf.string, tf.bool):
        for chosen in inputs:
            yield {
                name: fill(name, wrong if name == chosen else spec.dtype, (2,), 0)
                for name, spec in inputs.items()
            }
    many = {name: (400, 2)[: spec.shape.rank] for name, spec in inputs.items()}
    yield {
        name: np.full(many[name], b"lang=en" if spec.dtype == tf.string else 1).astype(
            object if spec.dtype == tf.string else spec.dtype.as_numpy_dtype
        )
        for name, spec in inputs.items()
    }


def ask(path: str, counts: dict[str, dict[str, int]]) -> None:
    """Sends all requests to a model by the session that TensorFlow's servers use, and counts."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
        for name, signature in meta.signature_def.items():
            if name == "__saved_model_init_op" or name in counts:
                continue
            inputs = {
                key: tf.TensorSpec(
                    [None] * len(info.tensor_shape.dim), tf.dtypes.as_dtype(info.dtype), info.name
                )
                for key, info in signature.inputs.items()
            }
            outputs = {key: info.name for key, info in signature.outputs.items()}
            # It takes what is fed as it is, without a look at its shape, as a server does.
            run = session.make_callable(
                list(outputs.values()), feed_list=[spec.name for spec in inputs.values()]
            )
            counts[name] = {"answered": 0, "refused": 0}
            for values in requests(inputs):
                try:
                    found = dict(zip(outputs, run(*values.values()), strict=True))
                except (tf.errors.OpError, TypeError, ValueError):
                    counts[name]["refused"] += 1
                    continue
                counts[name]["answered"] += 1
                for key, value in found.items():
                    if value.dtype.kind == "f" and "score" not in key:
                        assert np.isfinite(value).all(), (name, key, values)


def main() -> None:
    """Prints the counts of all models that are named."""
    counts: dict[str, dict[str, int]] = {}
    for path in sys.argv[1:]:
        ask(path, counts)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
