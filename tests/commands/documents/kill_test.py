# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`kill -9` at any moment of an update or a merge leaves one whole snapshot, the old or the new."""

import subprocess
import sys

import pytest

from tests.beam_jobs import changing_documents
from tests.commands.documents import killed_changes

record = changing_documents.record
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A snapshot with layers: what is updated, and what is merged."""
    root = tmp_path_factory.mktemp("published") / "unchanged"
    system = changing_documents.publish(root, [record(n) for n in range(12)])
    system.change("add", [record(20)])
    system.change("delete", ["doc-0"])
    return system


@pytest.mark.parametrize("operation", [killed_changes.UPDATE, killed_changes.COMPACT])
def test_killed_at_any_moment(published, operation):
    module = killed_changes.__name__
    command = [sys.executable, "-m", module, str(published.root), operation]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert before >= 4
    assert after <= 4
