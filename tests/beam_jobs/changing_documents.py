# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A published snapshot of a few documents, cut and embedded by the jobs, to change them in."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.commands.documents import change, cut, target
from realm_tf.retrieval import filters, index, retriever, snapshots, view
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib
from tests.beam_jobs import documents, jobs
from tests.retrieval import segments

LENGTH = 40
DIM = 32
FIELDS = {"year": "number", "lang": "string", "updated": "date"}


def record(number: int, *more: str, **fields: Any) -> dict[str, Any]:
    """A document that no other is like; `more` are sentences at its end."""
    sentences = [
        f"In {1000 + 3 * number + i} the city of Chicago was in the war." for i in range(3)
    ]
    text = " ".join([*sentences, *more])
    return {"id": f"doc-{number}", "title": f"City {number}", "text": text, **fields}


class System(NamedTuple):
    """A snapshot and what it was made with."""

    root: pathlib.Path
    directory: str
    vocab: str
    tokenizer: tokenizer_lib.Tokenizer

    def target(self, *overrides: str) -> target.Target:
        """What the commands change; layers are merged only if `overrides` say so."""
        rule = ("retrieval.max_delta_fraction=1000", *overrides)
        return target.opened(None, self.directory, overrides=rule)

    def change(
        self, operation: str, given: Iterable[Mapping[str, Any]] | Sequence[str], **kept: Any
    ) -> change.Plan:
        """Adds, updates or deletes; `given` are records, or ids."""
        return change.change(self.target(), self.request(operation, given, **kept))[0]

    def request(
        self, operation: str, given: Iterable[Mapping[str, Any]] | Sequence[str], **kept: Any
    ) -> change.Request:
        """A request; see `change`."""
        if operation == change.DELETE:
            return change.Request(operation, doc_ids=tuple(given), **kept)
        path = documents.write(self.root / "given.jsonl", given)
        return change.Request(operation, cut.Files((path,)), **kept)

    def view(self) -> view.View:
        """The newest snapshot."""
        return view.View(snapshots.newest(self.directory))

    def search(
        self, queries: np.ndarray, k: int, *conditions: str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Searches the newest snapshot; see `search`."""
        return search(self.view(), queries, k, *conditions)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of questions."""
        embed = retriever.load_embed_fn(self.view().snapshot.segment("embedder"), "queries")
        ids = types.Ragged.of([text.ids for text in self.tokenizer.encode(list(texts))])
        return embed(packing.pack_queries(ids, LENGTH, self.tokenizer))


def search(
    opened: view.View, queries: np.ndarray, k: int, *conditions: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of blocks <uint64>[n, k] and their scores, under the conditions of a filter."""
    parsed = [one for text in conditions for one in filters.parse(text)]
    allowed = filters.allowed(opened.table, parsed) if parsed else None
    found = opened.index.search(queries, k, allowed)
    return opened.table.scalar("block_id", found.rows), found.scores


def publish(root: pathlib.Path, records: Iterable[Mapping[str, Any]], **retrieval: Any) -> System:
    """Publishes a snapshot of documents."""
    vocab = documents.write_vocab(root / "segments")
    tokenizer = tokenizer_lib.Tokenizer.open(artifacts.open_segment(vocab))
    directory = str(root / "snapshots")
    made = make(root / "segments", vocab, records, **retrieval)
    snapshots.publish(directory, snapshots.Snapshot.of(step=5, **made))
    return System(root, directory, vocab, tokenizer)


def make(
    root: pathlib.Path, vocab: str, records: Iterable[Mapping[str, Any]], **retrieval: Any
) -> dict[str, artifacts.Segment]:
    """Makes everything that a snapshot names, by the jobs."""
    tokenizer = tokenizer_lib.Tokenizer.open(artifacts.open_segment(vocab))
    corpus = documents.write(root / "corpus.jsonl", records)
    blocks = jobs.build_blocks(
        corpus,
        vocab=vocab,
        output_root=str(root),
        length=LENGTH,
        num_shards=3,
        reading={"metadata_fields": FIELDS},
    )
    embedder = segments.write_embedder(
        root, tokenizer=tokenizer.fingerprint, vocab_size=tokenizer.vocab_size, dim=DIM
    )
    vectors = jobs.embed_blocks(
        blocks=blocks.path,
        embedder=embedder.path,
        vocab=vocab,
        output_root=str(root),
        length=LENGTH,
        batch_size=8,
    )
    config = config_lib.RetrievalConfig(**retrieval)
    built = index.build(str(root), vectors, config, k=20)
    return {"blocks": blocks, "embedder": embedder, "vectors": vectors, "index": built}
