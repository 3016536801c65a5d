# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reading documents in a pipeline, and reporting mistakes."""

import apache_beam as beam
import pytest
from apache_beam.testing import util

from beam_jobs import runner, transforms
from realm_tf import types
from realm_tf.data import blocks
from tests.beam_jobs import documents


def test_documents_are_keyed_by_shard_with_their_place(tmp_path):
    path = documents.write(tmp_path / "a.jsonl", [{"id": "x", "text": "é", "b": [1], "a": 2}, "{"])
    document = ("x", path, 1, "", "é", '{"a":2,"b":[1]}')
    with runner.pipeline([]) as pipeline:
        read = pipeline | beam.Create([path]) | transforms.ReadDocuments(5)
        expected = [(blocks.shard_of("x", 5), document)]
        util.assert_that(read.documents, util.equal_to(expected), label="documents")
        places = read[transforms.PROBLEMS] | beam.Map(lambda problem: tuple(problem)[:2])
        util.assert_that(places, util.equal_to([(path, 2)]), label="problems")
    source = transforms.SourceDocument(*document)
    assert source.document() == types.Document("x", "", "é", {"a": 2, "b": [1]})


def raise_for(problems):
    with runner.pipeline([]) as pipeline:
        _ = pipeline | beam.Create(problems) | transforms.RaiseProblems()


def test_first_problem_by_place_is_raised_with_the_number_of_others():
    problems = [transforms.Problem("b", n, f"b:{n}: two\nlines") for n in range(20, 3, -1)]
    with pytest.raises(types.UserError) as error:
        raise_for(problems)
    assert str(error.value) == "b:4: two lines (16 more like this.)"
    with pytest.raises(types.UserError) as error:
        raise_for(problems[:1])
    assert str(error.value) == "b:20: two lines"


def test_no_problem_raises_nothing():
    raise_for([])
