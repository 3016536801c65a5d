# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Old revisions go by rule, with what only they name; what is read, young or needed stays."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from realm_tf import artifacts, types
from realm_tf.commands.documents import (
    change,
    compaction,
    listing,
    purging,
    verification,
)
from realm_tf.retrieval import reading, snapshots, view
from tests.beam_jobs import changing_documents, copied

record = changing_documents.record
KEEP_TWO = "retrieval.keep_revisions=2"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return changing_documents.publish(
        tmp_path_factory.mktemp("published"), [record(n) for n in range(6)]
    )


@pytest.fixture
def system(published, tmp_path):
    return copied.to(published, tmp_path)


def _revisions(system) -> list[int]:
    return [version.revision for version in snapshots.list_versions(system.directory)]


def _add(system, number, *rules):
    change.change(system.target(*rules), system.request("add", [record(number)]))


def _segments(system) -> set[str]:
    names = os.listdir(system.target().root)
    return {name for name in names if name.partition("-")[0] in purging.KINDS}


def test_the_newest_revisions_stay_with_their_segments(system):
    for number in range(10, 13):
        _add(system, number)
    assert _revisions(system) == [0, 1, 2, 3]
    compaction.compact(system.target())
    _add(system, 13)
    before = _segments(system)
    queries = system.embed(["the city of Chicago"])
    ids, _ = system.search(queries, 5)
    compaction.compact(system.target(KEEP_TWO))
    assert _revisions(system) == [0, 5, 6]
    named = {
        os.path.basename(part.path)
        for version in snapshots.list_versions(system.directory)
        for _, part in snapshots.load(system.directory, *version).parts()  # they are whole
    }
    assert _segments(system) <= named
    assert len(before - _segments(system)) == 6  # the deltas of three revisions
    np.testing.assert_array_equal(np.sort(system.search(queries, 5)[0]), np.sort(ids))
    _add(system, 14, KEEP_TWO)
    assert _revisions(system) == [0, 6, 7]


def test_without_a_rule_nothing_goes(system):
    for number in range(10, 13):
        _add(system, number)
    assert _revisions(system) == [0, 1, 2, 3]


def test_what_is_read_or_young_stays(system):
    _add(system, 10)
    with reading.hold(system.view().snapshot):
        for number in (11, 12, 13):
            _add(system, number, KEEP_TWO)
        assert _revisions(system) == [0, 1, 3, 4]
        assert len(system.view().table) > 0
    _add(system, 14, KEEP_TWO, "retrieval.keep_revision_hours=1")
    assert _revisions(system) == [0, 1, 3, 4, 5]
    _add(system, 15, KEEP_TWO)
    assert _revisions(system) == [0, 5, 6]


def test_a_damaged_snapshot_keeps_all_segments(system, caplog):
    for number in (10, 11, 12):
        _add(system, number)
    path = snapshots.path_of(system.directory, 5)
    text = open(path).read()  # noqa: SIM115
    with open(path, "w") as f:
        f.write(text.replace('"step": 5', '"step": 6'))
    kept = _segments(system)
    _add(system, 13, "retrieval.keep_revisions=1")
    assert kept <= _segments(system)
    assert "segments of old revisions stay" in caplog.text


def test_purge_is_refused_while_an_old_snapshot_is_read(system):
    first = system.view().snapshot
    _add(system, 10)
    with reading.hold(first), pytest.raises(types.UserError, match="is read by process"):
        purging.purge(system.target())
    assert _revisions(system) == [0, 1]
    with reading.hold(system.view().snapshot):  # that one stays
        purging.purge(system.target())
    assert _revisions(system) == [1]
    assert artifacts.is_complete(system.view().snapshot.blocks.path)


def _reader(system) -> subprocess.Popen:
    """A process that reads the newest snapshot until it is ended."""
    code = (
        "import sys\nfrom realm_tf.retrieval import reading, snapshots\n"
        "with reading.hold(snapshots.newest(sys.argv[1])):\n"
        "    print('reads', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, system.directory]
    reader = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
    assert reader.stdout.readline() == "reads\n"
    return reader


def test_a_reader_in_another_process_keeps_a_revision_until_it_is_killed(system):
    delete = lambda number, *rules: change.change(  # noqa: E731
        system.target(*rules), system.request("delete", [f"doc-{number}"])
    )
    delete(0)
    reader = _reader(system)
    for number in (1, 2):
        delete(number, "retrieval.keep_revisions=1")
    assert _revisions(system) == [0, 1, 3]
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    delete(3, "retrieval.keep_revisions=1")
    assert _revisions(system) == [0, 4]


def test_what_a_command_reads_is_in_use(system, monkeypatch):
    system.change("delete", ["doc-3"])
    seen = []

    class Opened(view.View):
        @property
        def table(self):
            seen.append(set(reading.in_use(system.directory)))
            return super().table

    monkeypatch.setattr(view, "View", Opened)
    target, request = system.target(), system.request("delete", ["doc-4"])
    for read in (
        lambda: list(listing.documents(target)),
        lambda: verification.verify(target, ["doc-3"]),
        lambda: change.preview(target, request),
        lambda: change.change(target, request),
    ):
        seen.clear()
        read()
        assert seen
        assert all(versions == {(5, 1)} for versions in seen)
        assert reading.in_use(system.directory) == {}
    seen.clear()
    compaction.compact(target)
    assert seen
    assert all(versions == {(5, 2)} for versions in seen)
    assert reading.in_use(system.directory) == {}
