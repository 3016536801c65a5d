# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the jobs share before they write: the tokenizer, and reporting the user's mistakes."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import apache_beam as beam

from realm_tf import types
from realm_tf.data.corpus import records
from realm_tf.text import tokenizer as tokenizers

# Tag of the outputs that hold `Problem`s.
PROBLEMS = "problems"


Problem = records.Problem  # as the jobs call them

_Found = tuple[list[Problem], int]


class RaiseProblems(beam.PTransform):
    """Raises one UserError for a collection of `Problem`s: the first, and how many there are."""

    def expand(self, problems: beam.PCollection[Problem]) -> beam.PCollection[None]:
        """Finds the first problem, and raises it."""
        return (
            problems
            | "First" >> beam.CombineGlobally(_FirstAndCount()).without_defaults()
            | "Raise" >> beam.Map(_raise)
        )


@functools.lru_cache(maxsize=1)
def open_tokenizer(vocab: str) -> tokenizers.Tokenizer:
    """The tokenizer of the "vocab" segment at a path; one per process, as segments never change."""
    return tokenizers.Tokenizer.open(vocab)


class _FirstAndCount(beam.CombineFn):
    """The first problem, if any, in a list; and the number of problems."""

    def create_accumulator(self) -> _Found:
        return [], 0

    def add_input(self, accumulator: _Found, problem: Problem) -> _Found:
        return self.merge_accumulators([accumulator, ([problem], 1)])

    def merge_accumulators(self, accumulators: Iterable[_Found]) -> _Found:
        parts = list(accumulators)
        return sorted(p for first, _ in parts for p in first)[:1], sum(n for _, n in parts)

    def extract_output(self, accumulator: _Found) -> _Found:
        return accumulator


def _raise(found: _Found) -> None:
    (first, *_), count = found
    others = f" ({count - 1} more like this.)" if count > 1 else ""
    message = Problem(*first).message
    raise types.UserError(" ".join(message.split()) + others)
