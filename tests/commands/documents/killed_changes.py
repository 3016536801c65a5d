# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Changes documents in processes that kill themselves, each when another of their files appears.

`python -m tests.commands.documents.killed_changes DIRECTORY OPERATION`, with the directory of a
`changing_documents.System`. It prints how many processes were killed before, and how many after
their snapshot was published. TensorFlow does not survive a fork: whatever runs one of its
operations is in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from realm_tf.commands.documents import compaction
from realm_tf.retrieval import snapshots
from realm_tf.retrieval import view as view_lib
from tests.beam_jobs import changing_documents

UPDATE, COMPACT = "update", "compact"
NEW = [changing_documents.record(3, "It was a river."), changing_documents.record(30)]
_EVERY = 3  # of so many moments one is tried


def opened(root: str) -> changing_documents.System:
    """The system in a directory."""
    (vocab,) = pathlib.Path(root, "segments").glob("vocab-*")
    tokenizer: Any = None  # for questions, which nobody asks here
    return changing_documents.System(
        pathlib.Path(root), os.path.join(root, "snapshots"), str(vocab), tokenizer
    )


def _change(system: changing_documents.System, operation: str) -> None:
    if operation == COMPACT:
        compaction.compact(system.target())
    else:
        system.change(operation, NEW, missing_ok=True)


def _kill_at(moment: int) -> None:
    """Has this process killed instead of renaming or linking its n-th file."""
    left = [moment]

    def killing(act: Callable[..., Any]) -> Callable[..., Any]:
        def acted(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return act(*args, **kwargs)

        return acted

    for name in ("replace", "rename", "link"):
        setattr(os, name, killing(getattr(os, name)))


def _contents(system: changing_documents.System) -> dict[int, str]:
    """Id and text of every block of the newest snapshot, whose checksums are compared."""
    view = view_lib.View(system.view().snapshot, verify=True)
    found = view.index.search(view.vectors.read(0, 2), len(view.table))
    assert all(len(set(row)) == len(view.table) for row in found.rows.tolist())
    np.testing.assert_array_equal(view.vectors.block_ids, view.table.block_ids)
    return {i: view.table.text(row) for row, i in enumerate(view.table.block_ids.tolist())}


def _check(root: str, unchanged: str, operation: str) -> None:
    """What is there is as before, or as after the change; and the same change comes to its end."""
    system, before = opened(root), _contents(opened(unchanged))
    was_published = len(snapshots.list_versions(system.directory)) > len(
        snapshots.list_versions(opened(unchanged).directory)
    )
    found = _contents(system)
    _change(system, operation)
    after = _contents(system)
    assert found == (after if was_published else before)
    assert (after == before) == (operation == COMPACT)
    if operation == COMPACT:
        assert not compaction.has_layers(system.view().snapshot)


def _in_child(work: Callable[[], None]) -> int:
    """Runs it in a process of its own; returns the signal that killed it, or 0."""
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException:  # noqa: BLE001  The parent is told.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status)
    if os.WEXITSTATUS(status):
        raise RuntimeError("a process failed; see above")
    return 0


def main(unchanged: str, operation: str) -> None:
    """Kills and checks, until a process comes to its end."""
    work, killed = f"{unchanged}-{operation}", [0, 0]
    first = len(snapshots.list_versions(opened(unchanged).directory))
    for moment in range(1, 10_000, _EVERY):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(work)
        shutil.copytree(unchanged, work)

        def change(moment: int = moment) -> None:
            _kill_at(moment)
            _change(opened(work), operation)

        ended_by = _in_child(change)
        if not ended_by:
            break
        assert ended_by == signal.SIGKILL
        killed[len(snapshots.list_versions(opened(work).directory)) > first] += 1
        _in_child(lambda: _check(work, unchanged, operation))
    print(*killed)


if __name__ == "__main__":
    main(*sys.argv[1:])
