# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the tests of exports share."""

from collections.abc import Iterator

import pytest

from serving import warmup


@pytest.fixture(scope="module")
def few_warmup_requests() -> Iterator[None]:
    """Loads sooner: that all batch sizes are warmed up, `export_test` sees."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warmup, "BATCH_SIZES", (1, 2))
        yield
