# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the jobs share before they write: reading documents, and reporting the user's mistakes."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam

from realm_tf import artifacts, types
from realm_tf.data import blocks, corpus
from realm_tf.text import tokenizer as tokenizers

# Tag of the outputs that hold `Problem`s.
PROBLEMS = "problems"


class Problem(NamedTuple):
    """A mistake in the user's data; problems sort by place."""

    file: str
    line: int
    message: str


_Found = tuple[list[Problem], int]


class SourceDocument(NamedTuple):
    """A document and the place that it was read from; sorts by id, then place.

    A tuple of strings and numbers, which Beam encodes faster than an object of a class.
    """

    doc_id: str
    file: str
    line: int
    title: str
    text: str
    metadata: str

    def document(self) -> types.Document:
        """The document, without its place."""
        metadata = json.loads(self.metadata)
        return types.Document(self.doc_id, self.title, self.text, metadata)


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
        lines = corpus.read_lines(file)
        number = 0
        while True:
            try:
                number, line = next(lines)
                document = corpus.parse_line(line, file=file, line_number=number)
            except StopIteration:
                return
            except types.UserError as error:
                # If the file itself cannot be read on, `lines` is exhausted now.
                yield beam.pvalue.TaggedOutput(PROBLEMS, Problem(file, number, str(error)))
                continue
            source = SourceDocument(
                document.doc_id,
                file,
                number,
                document.title,
                document.text,
                artifacts.canonical_json(document.metadata),
            )
            yield blocks.shard_of(document.doc_id, self._num_shards), tuple(source)


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
