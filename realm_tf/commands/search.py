# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""`realm search`: finds the blocks of a snapshot for questions, among the documents of a filter."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.artifacts import gfile
from realm_tf.commands import paths
from realm_tf.retrieval import filters, reading, snapshots
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib


@dataclasses.dataclass(frozen=True)
class Request:
    """What is searched for.

    Attributes:
      questions: The questions.
      k: Number of blocks for each.
      conditions: What the documents of the blocks must meet.
    """

    questions: tuple[str, ...]
    k: int
    conditions: tuple[filters.Condition, ...] = ()

    @classmethod
    def parsed(cls, questions: Sequence[str], k: int, texts: Sequence[str]) -> Request:
        """A request whose conditions are texts, such as "year>=2020; lang=en".

        Raises:
          UserError: If a text is no filter.
        """
        conditions = itertools.chain.from_iterable(map(filters.parse, texts))
        return cls(tuple(questions), k, tuple(conditions))


def check(path: str) -> None:
    """Checks the path that `realm search` is given: of a run, of snapshots, or of one snapshot.

    Raises:
      UserError: If it is not.
    """
    if snapshots.version_of(os.path.basename(path)):
        paths.check_file(path, "snapshot")
    elif not gfile.isdir(path):
        raise types.UserError(
            f"No such directory: {path}. Give the directory of a run or of snapshots, or the file"
            " of a snapshot (step-....json)."
        )


def search(path: str, request: Request, *, vocab: str | None = None) -> list[dict[str, Any]]:
    """Finds the best blocks of a snapshot for each question of a request.

    Args:
      path: Directory of a run, or directory of snapshots, of which the newest is searched;
        or file of a snapshot.
      request: What is searched for.
      vocab: Path of the "vocab" segment, if it is not beside the blocks of the snapshots.

    Returns:
      For every question its `question`, the `snapshot`, and `blocks`, best first: `block_id`,
      `retrieval_score`, `doc_id`, `title`, `block_text` and `metadata`. There are k blocks, if so
      many may be found.

    Raises:
      UserError: If there is no whole snapshot, a field of the filter is not declared, or a value is
        not of its type.
    """
    snapshot, config, vocab = _snapshot(path, vocab)
    with reading.hold(snapshot):
        return list(_found(snapshot, config, vocab, request))


def _found(
    snapshot: snapshots.Snapshot, config: config_lib.Config, vocab: str, request: Request
) -> Iterator[dict[str, Any]]:
    from realm_tf.retrieval import retriever, view  # they need TensorFlow

    opened = view.View(snapshot)
    allowed = filters.allowed(opened.table, request.conditions) if request.conditions else None
    tokenizer = tokenizer_lib.Tokenizer.open(vocab)
    queries = packing.pack_texts(request.questions, config.open_qa.query_length, tokenizer)
    embed = retriever.load_embed_fn(snapshot.segment("embedder"), "queries")
    found = opened.index.search(embed(queries), request.k, allowed)
    for question, rows, scores in zip(request.questions, *found, strict=True):
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        blocks = [_block(opened.table, row, score) for row, score in pairs if row >= 0]
        yield {"question": question, "snapshot": snapshot.name, "blocks": blocks}


def _snapshot(path: str, vocab: str | None) -> tuple[snapshots.Snapshot, config_lib.Config, str]:
    """The snapshot at a path, the configuration of its questions, and its "vocab" segment."""
    from realm_tf.commands.documents import target  # it needs TensorFlow

    directory, name = os.path.split(path)
    if paths.is_run(path):
        if vocab is not None:
            raise types.UserError(
                f"{path} is a run, which has its own vocabulary. Leave --vocab out."
            )
        opened = target.opened(path, None)
        snapshot = opened.newest()
    elif version := snapshots.version_of(name):
        opened = target.opened(None, directory or os.curdir, vocab=vocab)
        snapshot = snapshots.load(opened.directory, *version)
    else:
        opened = target.opened(None, path, vocab=vocab)
        snapshot = opened.newest()
    return snapshot, opened.config, opened.vocab_of(snapshot)


def _block(table: Any, row: int, score: float) -> dict[str, Any]:
    block = table.block(row)
    return {
        "block_id": str(block.block_id),
        "retrieval_score": score,
        "doc_id": block.doc_id,
        "title": block.title,
        "block_text": block.text,
        "metadata": json.loads(block.metadata),
    }
