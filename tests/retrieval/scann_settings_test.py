# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""ScaNN's settings follow the number of blocks."""

import pytest

from realm_tf import config
from realm_tf.retrieval import scann_settings


@pytest.mark.parametrize(
    ("num_blocks", "k", "expected"),
    [
        (16, 10, (1, 1, 200)),
        (1_000, 10, (10, 8, 200)),
        (100_000, 100, (316, 8, 200)),
        (1_000_000, 100, (2000, 50, 200)),
        (1_000_000, 500, (2000, 50, 1000)),
    ],
)
def test_defaults(num_blocks, k, expected):
    chosen = scann_settings.choose(num_blocks, k, config.RetrievalConfig(index="scann"))
    assert chosen == scann_settings.ScannSettings(*expected)


def test_configuration_goes_first_but_2k_are_reordered():
    cfg = config.RetrievalConfig(num_leaves=30, num_leaves_to_search=4, num_reordering_candidates=5)
    assert scann_settings.choose(1000, 10, cfg) == scann_settings.ScannSettings(30, 4, 20)


def test_larger_never_searches_more_leaves_than_there_are():
    larger = scann_settings.ScannSettings(6, 4, 50).larger()
    assert larger == scann_settings.ScannSettings(6, 6, 100)
