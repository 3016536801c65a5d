# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the tests of exports share."""

from collections.abc import Iterator

import pytest

from serving import warmup
from tests.serving import divided


@pytest.fixture(scope="module")
def few_warmup_requests() -> Iterator[None]:
    """Loads sooner: that all batch sizes are warmed up, `export_test` sees."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warmup, "BATCH_SIZES", (1, 2))
        yield


@pytest.fixture(scope="module")
def divided_system(tmp_path_factory: pytest.TempPathFactory) -> divided.System:
    """A system that is exported whole and in shards."""
    return divided.System(str(tmp_path_factory.mktemp("parts")))


@pytest.fixture(scope="module")
def parts(divided_system: divided.System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Directory of its export in two shards."""
    return divided_system.export_shards(str(tmp_path_factory.mktemp("shards")))


@pytest.fixture(scope="module")
def whole(divided_system: divided.System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Directory of the same as one model."""
    return divided_system.export_whole(str(tmp_path_factory.mktemp("whole")))
