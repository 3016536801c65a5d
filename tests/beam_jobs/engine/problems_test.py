# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reporting mistakes from a pipeline."""

import apache_beam as beam
import pytest

from beam_jobs.engine import problems as transforms
from beam_jobs.engine import runner
from realm_tf import types


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
