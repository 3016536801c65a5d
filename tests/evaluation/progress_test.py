# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""An evaluation tells how far it is, and leaves nothing out."""

import logging

from realm_tf.evaluation import progress


def test_every_item_comes_once(caplog):
    with caplog.at_level(logging.INFO):
        assert list(progress.batches("abcde", 2, "reading")) == ["ab", "cd", "e"]
        assert list(progress.batches("", 2, "reading")) == []
    assert not caplog.messages  # it took less than a minute


def test_a_line_tells_how_far_it_is(caplog, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_SECS", 0.0)
    with caplog.at_level(logging.INFO):
        list(progress.batches(range(5), 2, "reading"))
    assert caplog.messages == [
        "reading: 2 of 5 done, about 0 min to go",
        "reading: 4 of 5 done, about 0 min to go",
    ]
