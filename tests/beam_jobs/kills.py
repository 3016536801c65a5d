# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A job that is killed while it works, and the items that it has done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beam_jobs.engine import work_items


def run_and_kill(
    monkeypatch: pytest.MonkeyPatch,
    function: type[work_items.ItemFn],
    run: Callable[[], object],
    *,
    after: int,
) -> list[int]:
    """Runs a job that ends, as by Ctrl-C, when so many items are done.

    Args:
      monkeypatch: Of the test, for the rest of which items are counted.
      function: What the job does with an item.
      run: Runs the job.
      after: Items that are done.

    Returns:
      The numbers of the items that are done: a list that grows while later runs do others.
    """
    done: list[int] = []
    killed = False
    real = function.work

    def work(self: work_items.ItemFn, number: int, *item: Any) -> Any:
        if not killed and len(done) == after:
            raise KeyboardInterrupt
        done.append(number)
        return real(self, number, *item)

    monkeypatch.setattr(function, "work", work)
    with pytest.raises((KeyboardInterrupt, RuntimeError)):
        run()
    killed = True
    assert len(done) == after
    return done
