# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random changes of documents against a model that knows all of them and searches all vectors."""

from __future__ import annotations

import collections
import itertools
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from realm_tf import config, types
from realm_tf.commands.documents import change
from realm_tf.data.blocks import packer
from realm_tf.data.blocks import table as block_table
from realm_tf.retrieval import gate, retriever, view
from realm_tf.text import packing
from tests.beam_jobs import changing_documents

_QUESTIONS = ("the city of Chicago", "a river", "In 1004", "war", "Louis was born", "University")
_SAMPLE = 26  # blocks whose vectors are queries, besides the questions
_DEPTHS = (1, 8, 20, 100_000)  # to 20 the index is gated; at the last everything is found
_MORE = ("It was a river.", "Louis was born in New York.", "It was in the city of Warsaw.")

# Conditions of a filter, and the same on a record: of many, of some and of very few documents.
_FILTERS: dict[tuple[str, ...], Callable[[dict[str, Any]], bool]] = {
    (): lambda record: True,
    ("year>=1902",): lambda record: record.get("year", 0) >= 1902,
    ("lang=de,fr", "updated<=2024-05-15"): lambda record: (
        record.get("lang") in ("de", "fr") and record.get("updated", "9") <= "2024-05-15"
    ),
    ("lang=fr", "year=1905"): lambda record: (
        record.get("lang") == "fr" and record.get("year") == 1905
    ),
}

# By depth and conditions: of every result of every search, whether it is among the best.
Recalled = dict[tuple[int, tuple[str, ...]], list[np.ndarray]]


class Truth:
    """All documents as they should be, and their blocks, cut and embedded one document a time."""

    def __init__(
        self,
        system: changing_documents.System,
        rng: np.random.Generator,
        first: list[dict[str, Any]],
    ):
        self.records: dict[str, dict[str, Any]] = {}
        self._numbers = itertools.count(len(first))
        self._deleted: set[int] = set()
        self._rng = rng
        self._tokenizer = system.tokenizer
        self._packer = packer.BlockPacker(system.tokenizer, length=changing_documents.LENGTH)
        embedder = system.view().snapshot.segment("embedder")
        self._embed = retriever.load_embed_fn(embedder, "blocks")
        self._questions = system.embed(_QUESTIONS)
        self._blocks: dict[str, tuple[list[int], np.ndarray]] = {}
        self.put(first)

    def record(self, number: int) -> dict[str, Any]:
        """A document of this number with a random end, and random metadata at times."""
        more = self._rng.choice(_MORE, self._rng.integers(0, 4)).tolist()
        fields = {
            "year": int(self._rng.integers(1900, 1910)),
            "lang": str(self._rng.choice(("en", "de", "fr"), p=(0.8, 0.19, 0.01))),
            "updated": f"2024-05-{self._rng.integers(1, 32):02d}",
        }
        kept = {name: value for name, value in fields.items() if self._rng.random() < 0.7}
        return changing_documents.record(number, *more, **kept)

    def choose(self, count: int) -> list[str]:
        """Ids of documents that are there; one at least is not among them."""
        ids = sorted(self.records)
        return self._rng.choice(ids, min(count, len(ids) - 1), replace=False).tolist()

    def absent(self, count: int) -> list[int]:
        """Numbers of documents that are not there: new ones, and some that were deleted."""
        again = self._rng.permutation(sorted(self._deleted))[: count // 5].tolist()
        return [*again, *itertools.islice(self._numbers, count - len(again))]

    def changed(self, doc_ids: list[str]) -> list[dict[str, Any]]:
        """Documents that are there with other ends; one in five is as it was."""
        return [
            self.records[doc_id] if self._rng.random() < 0.2 else self.record(_number(doc_id))
            for doc_id in doc_ids
        ]

    def put(self, records: list[dict[str, Any]]) -> None:
        """Adds or replaces documents."""
        documents = [
            types.Document(one["id"], "", 0, one["title"], one["text"], "{}") for one in records
        ]
        for record, packed in zip(records, self._packer.pack(documents), strict=True):
            self.records[record["id"]] = record
            self._deleted.discard(_number(record["id"]))
            titles = types.Ragged.of([block.title_ids for block in packed.blocks])
            bodies = types.Ragged.of([block.token_ids for block in packed.blocks])
            inputs = packing.pack_blocks(titles, bodies, changing_documents.LENGTH, self._tokenizer)
            ids = [block.block_id for block in packed.blocks]
            self._blocks[record["id"]] = ids, self._embed(inputs)

    def remove(self, doc_ids: list[str]) -> None:
        """Deletes documents."""
        for doc_id in doc_ids:
            del self.records[doc_id], self._blocks[doc_id]
            self._deleted.add(_number(doc_id))

    def check(self, opened: view.View, recalled: Recalled) -> None:
        """Compares what is there, and what is found."""
        ids = np.array([i for own, _ in self._blocks.values() for i in own], np.uint64)
        vectors = np.concatenate([values for _, values in self._blocks.values()])
        self._check_table(opened.table, ids)
        sample = self._rng.choice(len(vectors), min(_SAMPLE, len(vectors)), replace=False)
        queries = np.concatenate([self._questions, vectors[sample]])
        scores = queries @ vectors.T
        for conditions, meets in _FILTERS.items():
            allowed = np.where(self._allowed(meets), scores, -np.inf)
            for k in _DEPTHS:
                found = changing_documents.search(opened, queries, k, *conditions)
                recalled[k, conditions].append(_right(found, k, ids, allowed))

    def _check_table(self, table: block_table.BlockTable, ids: np.ndarray) -> None:
        """Compares the blocks; no id is there twice."""
        assert len(np.unique(ids)) == len(ids)
        np.testing.assert_array_equal(np.sort(table.block_ids), np.sort(ids))
        for row in range(len(table)):
            record = self.records[table.doc_id(row)]
            assert table.text(row) in record["text"]
            fields = {name: record[name] for name in changing_documents.FIELDS if name in record}
            assert json.loads(table.metadata(row)) == fields

    def _allowed(self, meets: Callable[[dict[str, Any]], bool]) -> np.ndarray:
        """<bool>[num_blocks] blocks of documents that meet a filter, in the order of `_blocks`."""
        found = [meets(self.records[d]) for d, (own, _) in self._blocks.items() for _ in own]
        return np.array(found)


def _number(doc_id: str) -> int:
    return int(doc_id.removeprefix("doc-"))


def _right(
    found: tuple[np.ndarray, np.ndarray], k: int, ids: np.ndarray, scores: np.ndarray
) -> np.ndarray:
    """Compares what was found with all scores <float32>[n, num_blocks]; -inf is not allowed.

    Whatever the index is: there are k results where k blocks are allowed, the best first, none of
    them twice, and each with its own score.

    Returns:
      <bool>[any] of every result, whether it is among the best k.
    """
    found_ids, found_scores = found
    assert found_ids.shape == (len(scores), min(k, len(ids)))
    best = -np.sort(-scores, axis=1)[:, :k]
    there = np.isfinite(best)
    np.testing.assert_array_equal(np.isfinite(found_scores), there)
    order = np.argsort(ids)
    places = order[np.minimum(np.searchsorted(ids[order], found_ids), len(ids) - 1)]
    own = np.take_along_axis(scores, places, axis=1)
    np.testing.assert_array_equal(ids[places][there], found_ids[there])
    np.testing.assert_allclose(found_scores[there], own[there], rtol=1e-4, atol=1e-4)
    for row, of_query in zip(places, there, strict=True):
        assert len(np.unique(row[of_query])) == np.count_nonzero(of_query)
    better, worse = found_scores[:, :-1], found_scores[:, 1:]
    assert np.all((better >= worse)[there[:, 1:]])
    worst = np.where(there, best, np.inf).min(axis=1, initial=1e9, keepdims=True)
    return (found_scores >= worst - 1e-4 * np.maximum(1, np.abs(worst)))[there]


def run(tmp_path, *, operations: int, batch: int, index: str) -> None:
    """Makes random changes, in batches of random sizes, and checks all searches after each."""
    rng = np.random.default_rng(0)
    first = [changing_documents.record(number) for number in range(2 * batch)]
    system = changing_documents.publish(tmp_path, first, index=index)
    truth, recalled = Truth(system, rng, first), collections.defaultdict(list)
    total = 0
    while total < operations:
        rule = ("retrieval.max_delta_fraction=0.5", "retrieval.keep_revisions=2")
        rules = rule if rng.random() < 0.5 else ()
        for operation in rng.permutation([change.ADD, change.UPDATE, change.DELETE]).tolist():
            total += _change(system.target(*rules), system, truth, operation, rng, batch)
            truth.check(system.view(), recalled)
    for (k, conditions), right in recalled.items():
        results = np.concatenate(right)
        least = _floor(index, k, len(results)) * len(results)
        assert np.count_nonzero(results) >= least, (k, conditions)


def _change(opened, system, truth, operation, rng, batch) -> int:
    """Makes one change; returns how many documents were given."""
    size = int(rng.integers(1, 2 * batch))
    given: list[Any] = truth.choose(size)
    if operation == change.ADD:
        given = [truth.record(number) for number in truth.absent(size)]
    if operation == change.UPDATE:
        given = truth.changed(given)
    if given:
        change.change(opened, system.request(operation, given))
    if operation == change.DELETE:
        truth.remove(given)
    else:
        truth.put(given)
    return len(given)


def _floor(index: str, k: int, num_results: int) -> float:
    """The recall that an index must have, less three deviations of a sample of so many results."""
    if index == "exact":
        return 1.0
    floor = gate.floor(config.RetrievalConfig(index=index), k)
    return floor - 3 * math.sqrt(floor * (1 - floor) / max(1, num_results))


@pytest.mark.parametrize("index", ["exact", "scann", "ivf"])
def test_random_changes(tmp_path, index):
    run(tmp_path, operations=15, batch=6, index=index)


@pytest.mark.slow
@pytest.mark.parametrize("index", ["exact", "scann", "ivf"])
def test_ten_thousand_random_changes(tmp_path, index):
    run(tmp_path, operations=10_000, batch=200, index=index)
