# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus of sixty documents, and a run on it that is finished: no test changes them."""

import pytest

from tests.commands import small_run


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    """Options of corpus and questions."""
    return small_run.write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def finished(inputs, tmp_path_factory):
    """The directory of the run, and its report."""
    workdir = tmp_path_factory.mktemp("run")
    return workdir, small_run.run(inputs, workdir)
