# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the jobs share before they write: reading documents, and reporting the user's mistakes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from realm_tf import types
from realm_tf.data import blocks, corpus_formats, records
from realm_tf.text import tokenizer as tokenizers

# Tag of the outputs that hold `Problem`s.
PROBLEMS = "problems"


Problem = records.Problem  # as the jobs call them
SourceDocument = records.SourceDocument

_Found = tuple[list[Problem], int]


class ReadDocuments(beam.PTransform):
    """Paths of corpus files to documents, keyed by shard.

    Outputs "documents", of (shard, `SourceDocument` as a tuple), and `PROBLEMS`.

    Args:
      num_shards: See `blocks.shard_of`.
    """

    def __init__(self, num_shards: int):
        super().__init__()
        self._num_shards = num_shards

    def expand(self, files: beam.PCollection[str]) -> Any:
        """Reads one file per path."""
        return (
            files
            | beam.Reshuffle()
            | "ReadFile"
            >> beam.ParDo(_ReadFile(self._num_shards)).with_outputs(PROBLEMS, main="documents")
        )


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


class _ReadFile(beam.DoFn):
    def __init__(self, num_shards: int):
        self._num_shards = num_shards

    def process(self, file: str) -> Iterator[Any]:
        for found in corpus_formats.read_unit(records.Unit(file), corpus_formats.JSONL):
            if isinstance(found, records.Problem):
                yield beam.pvalue.TaggedOutput(PROBLEMS, found)
            elif isinstance(found, records.SourceDocument):
                yield blocks.shard_of(found.doc_id, self._num_shards), tuple(found)


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
