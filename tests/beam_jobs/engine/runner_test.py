# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How jobs are run."""

import os
import signal

import apache_beam as beam
import pytest

from beam_jobs.engine import runner as runner_lib
from realm_tf import types


def refuse(number):
    if number == 3:
        raise types.UserError("Three is too many. Received: 3.")
    return number


def divide(number):
    return 1 // number


def test_the_local_engine_is_the_default():
    with runner_lib.pipeline(["--job_name=x"]) as pipeline:
        _ = pipeline | beam.Create([1])
    assert type(pipeline.runner).__name__ == "FnApiRunner"


@pytest.mark.parametrize(
    ("argument", "runner"),
    [
        ("--nonsense=3", "FnApiRunner"),
        ("b.jsonl", "FnApiRunner"),
        ("--nonsense", "DataflowRunner"),
        ("b.jsonl", "FlinkRunner"),
    ],
)
def test_what_is_no_option_is_refused(argument, runner):
    with pytest.raises(types.UserError, match=rf"^'{argument}' is no option of Apache Beam\."):
        runner_lib.check([f"--runner={runner}", argument, "--direct_num_workers=2"])


@pytest.mark.parametrize(
    "options",
    [
        ["--runner=FnApiRunner", "--direct_num_workers=2"],
        ["--runner", "DataflowRunner", "--project=x", "--region", "us", "--experiments=a"],
        ["--runner=FlinkRunner", "--flink_master=x:1", "--parallelism=4"],
        [],
    ],
)
def test_options_of_beam_are_taken(options):
    runner_lib.check(options)


def test_there_must_be_such_a_runner():
    for name in ("NoSuchRunner", "no.such.Runner", "os.NoRunner"):
        with pytest.raises(types.UserError, match=f"^Beam has no runner '{name}': "):
            runner_lib.check([f"--runner={name}"])
    with (
        pytest.raises(types.UserError, match="NoSuchRunner"),
        runner_lib.pipeline(["--runner=NoSuchRunner"]),
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
    with runner_lib.pipeline(options) as pipeline:
        _ = pipeline | beam.Create([0, 1, 2, 3]) | beam.Reshuffle() | beam.Map(function)
