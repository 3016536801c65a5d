# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The mutations still meet the code that they change."""

import pytest

from tests.parity import mutations


@pytest.mark.parametrize("mutation", mutations.MUTATIONS, ids=lambda mutation: mutation.what)
def test_what_a_mutation_changes_is_there_once(mutation):
    text = (mutations.ROOT / mutation.path).read_text()
    assert text.count(mutation.old) == 1
    assert mutation.old != mutation.new
