# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A copy of a published snapshot for one test: a directory of snapshots may be moved."""

from __future__ import annotations

import pathlib
import shutil

from tests.beam_jobs import changing_documents


def to(published: changing_documents.System, root: pathlib.Path) -> changing_documents.System:
    """Copies a system with all its files below a directory that is there."""
    shutil.copytree(published.root, root, dirs_exist_ok=True)
    place = pathlib.Path(published.vocab).relative_to(published.root)
    return published._replace(root=root, directory=str(root / "snapshots"), vocab=str(root / place))
