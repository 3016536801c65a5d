# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files and folders of the source that the documents name are there."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*.md")]
)
_PATH = re.compile(
    r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|yaml)|(?:realm_tf|beam_jobs|serving|tests)/(?:[\w.-]+/)*)`"
)
_FROM = (
    ROOT,
    ROOT / "realm_tf",
    ROOT / "benchmarks",
    ROOT / "serving" / "deploy",
)  # what a path may be relative to


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_paths_are_there(document):
    named = set(_PATH.findall(document.read_text(encoding="utf-8")))
    assert {path for path in named if not any((root / path).exists() for root in _FROM)} == set()


def test_paths_are_found():
    text = "`realm_tf/cli/`, `models/losses.py`, `realm/ict`, `configs/a.yaml` and `N.tmp/x`"
    assert _PATH.findall(text) == ["realm_tf/cli/", "models/losses.py", "configs/a.yaml"]
