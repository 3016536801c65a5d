# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How jobs are run."""

import os
import signal

import apache_beam as beam
import pytest

from beam_jobs.engine import runner
from realm_tf import types


def refuse(number):
    if number == 3:
        raise types.UserError("Three is too many. Received: 3.")
    return number


def divide(number):
    return 1 // number


def test_arguments_are_divided_at_the_first_dashes():
    assert runner.split_args(["--a=1"]) == (["--a=1"], [])
    assert runner.split_args(["--a=1", "--", "--b", "--"]) == (["--a=1"], ["--b", "--"])


def test_the_local_engine_is_the_default():
    with runner.pipeline(["--job_name=x"]) as pipeline:
        _ = pipeline | beam.Create([1])
    assert type(pipeline.runner).__name__ == "FnApiRunner"


def test_another_engine_may_be_chosen():
    with (
        pytest.raises(ValueError, match="NoSuchRunner"),
        runner.pipeline(["--runner=NoSuchRunner"]),
    ):
        pass


def test_a_users_mistake_comes_out_as_it_went_in():
    with pytest.raises(types.UserError, match=r"^Three is too many\. Received: 3\.$"):
        run_map(refuse)


@pytest.mark.slow
def test_a_users_mistake_comes_out_of_another_process():
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    with pytest.raises(types.UserError, match=r"^Three is too many\. Received: 3\.$"):
        run_map(refuse, options)


def die(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_pipeline():
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    with pytest.raises(types.UserError, match=r"^A worker process has died.* where it stopped\.$"):
        run_map(die, options)


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError):
        run_map(divide)


def run_map(function, options=()):
    with runner.pipeline(options) as pipeline:
        _ = pipeline | beam.Create([0, 1, 2, 3]) | beam.Reshuffle() | beam.Map(function)


@pytest.mark.parametrize(
    ("options", "local"),
    [([], True), (["--runner=FnApiRunner"], True), (["--runner=DataflowRunner"], False)],
)
def test_what_is_local(options, local):
    assert runner.is_local(options) == local
