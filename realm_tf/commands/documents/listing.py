# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lists the documents of a snapshot, and the changes that were made to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from realm_tf import types
from realm_tf.commands.documents import target as target_lib
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import snapshots
from realm_tf.retrieval import view as view_lib

_CHANGE = "change"


def documents(target: target_lib.Target) -> Iterator[dict[str, Any]]:
    """Every document of the newest snapshot: `doc_id`, `title` and number of `blocks`.

    They come in the order of their rows: those of the base by shard and id, then those that were
    added.
    """
    with target.reading() as snapshot:
        yield from _documents(view_lib.View(snapshot).table)


def _documents(table: block_table.BlockTable) -> Iterator[dict[str, Any]]:
    keys = np.concatenate([chunk.scalar("doc_key") for chunk in table.chunks()])
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    limits = np.append(first[1:], len(keys))
    for row, limit in zip(first.tolist(), limits.tolist(), strict=True):
        yield {"doc_id": table.doc_id(row), "title": table.title(row), "blocks": limit - row}


def history(target: target_lib.Target) -> list[dict[str, Any]]:
    """The snapshots of the newest one's step, oldest first, and what each changed.

    Each with `step`, `revision`, `created`, and what `Plan.facts` tells of its change; with `error`
    if it is not whole.
    """
    step = target.newest().step
    found = []
    for version in snapshots.list_versions(target.directory):
        if version.step != step:
            continue
        told: dict[str, Any] = version._asdict()
        try:
            snapshot = snapshots.load(target.directory, *version)
            told |= {"created": snapshot.created, "parent_revision": snapshot.parent_revision}
            told |= snapshot.settings.get(_CHANGE, {}) if version.revision else {}
        except types.UserError as error:
            told["error"] = str(error)
        found.append(told)
    return found
