# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An export follows the documents: one for every newest snapshot, also after one that failed."""

import pytest

from realm_tf import types
from realm_tf.commands import export_watch
from realm_tf.retrieval import snapshots
from tests.beam_jobs import changing_documents

record = changing_documents.record


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    return changing_documents.publish(
        tmp_path_factory.mktemp("published"), [record(n) for n in range(6)]
    )


class _Export:
    """Exports the documents of the newest snapshot: their ids."""

    def __init__(self, system):
        self._system = system
        self.errors = []
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.errors:
            raise self.errors.pop()
        table = self._system.view().table
        return " ".join(sorted({table.doc_id(row) for row in range(len(table))}))


def _newest(system):
    return lambda: snapshots.list_versions(system.directory)[-1]


def test_every_change_is_exported_once(system, caplog):
    export = _Export(system)
    followed = export_watch.follow(_newest(system), export, poll_secs=0.01)
    assert next(followed) == "doc-0 doc-1 doc-2 doc-3 doc-4 doc-5"
    system.change("delete", ["doc-1"])
    assert next(followed) == "doc-0 doc-2 doc-3 doc-4 doc-5"
    system.change("delete", ["doc-2"])
    system.change("delete", ["doc-3"])
    assert next(followed) == "doc-0 doc-4 doc-5"
    assert export.calls == 3
    system.change("delete", ["doc-4"])
    export.errors = [OSError("no disk"), types.UserError("it was deleted")]
    assert next(followed) == "doc-0 doc-5"
    assert export.calls == 6
    assert "no export of the new documents (no disk)" in caplog.text


def test_first_failure_ends_it(system):
    export = _Export(system)
    export.errors = [types.UserError("not finished")]
    with pytest.raises(types.UserError, match="not finished"):
        next(export_watch.follow(_newest(system), export, poll_secs=0.01))


def test_a_snapshot_that_cannot_be_told_now_is_waited_for(system):
    told = [snapshots.Version(5, 0), None, snapshots.Version(5, 0), snapshots.Version(5, 1)]
    followed = export_watch.follow(lambda: told.pop(0), _Export(system), poll_secs=0.001)
    next(followed), next(followed)
    assert not told
