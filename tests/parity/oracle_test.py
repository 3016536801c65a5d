# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parity with the last PyTorch implementation of REALM, where its numbers are on this machine."""

import numpy as np
import pytest

from tests.parity import comparisons, oracle

pytestmark = pytest.mark.skipif(
    not oracle.is_present(), reason=f"There is no oracle in {oracle.DIRECTORY.name}/ beside us."
)


def _check(rows):
    rows = list(rows)
    assert rows
    assert [row for row in rows if not row.passes] == []


@pytest.mark.parametrize("group", comparisons.GROUPS)
def test_tiny_shape(group):
    _check(comparisons.GROUPS[group]("tiny"))


@pytest.mark.slow
@pytest.mark.parametrize("group", comparisons.GROUPS)
def test_base_shape(group):
    _check(comparisons.GROUPS[group]("base"))


@pytest.mark.parametrize("name", ["embedder", "scorer", "encoder", "reader"])
def test_weights_are_drawn_as_the_oracle_drew_them(name):
    drawn, stored = oracle.drawn_weights("tiny", name), oracle.arrays("tiny", name)
    assert drawn
    for key, value in drawn.items():
        np.testing.assert_allclose(value, stored[f"w/{key}"], atol=2e-7)
