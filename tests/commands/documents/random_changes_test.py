# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Random changes of documents against a model that knows all of them and searches all vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from realm_tf import types
from realm_tf.commands.documents import change
from realm_tf.data.blocks import packer
from realm_tf.retrieval import retriever
from realm_tf.text import packing
from tests.beam_jobs import changing_documents

_QUESTIONS = ("the city of Chicago", "a river", "In 1004", "war", "Louis was born", "University")
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


class Truth:
    """All documents as they should be, and their blocks, cut and embedded one document a time."""

    def __init__(self, system: changing_documents.System, rng: np.random.Generator):
        self.records: dict[str, dict[str, Any]] = {}
        self._rng = rng
        self._tokenizer = system.tokenizer
        self._packer = packer.BlockPacker(system.tokenizer, length=changing_documents.LENGTH)
        embedder = system.view().snapshot.segment("embedder")
        self._embed = retriever.load_embed_fn(embedder, "blocks")
        self._blocks: dict[str, tuple[list[int], np.ndarray]] = {}

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
        """Ids of documents that are there."""
        ids = sorted(self.records)
        return self._rng.choice(ids, min(count, len(ids) - 1), replace=False).tolist()

    def put(self, records: list[dict[str, Any]]) -> None:
        """Adds or replaces documents."""
        for record in records:
            self.records[record["id"]] = record
            document = types.Document(record["id"], "", 0, record["title"], record["text"], "{}")
            (packed,) = self._packer.pack([document])
            titles = types.Ragged.of([block.title_ids for block in packed.blocks])
            bodies = types.Ragged.of([block.token_ids for block in packed.blocks])
            inputs = packing.pack_blocks(titles, bodies, changing_documents.LENGTH, self._tokenizer)
            ids = [block.block_id for block in packed.blocks]
            self._blocks[record["id"]] = ids, self._embed(inputs)

    def remove(self, doc_ids: list[str]) -> None:
        """Deletes documents."""
        for doc_id in doc_ids:
            del self.records[doc_id], self._blocks[doc_id]

    def check(self, system: changing_documents.System, ks: tuple[int, ...]) -> None:
        """Compares what is there, and what is found."""
        ids = np.array([i for own, _ in self._blocks.values() for i in own], np.uint64)
        vectors = np.concatenate([values for _, values in self._blocks.values()])
        table = system.view().table
        np.testing.assert_array_equal(np.sort(table.block_ids), np.sort(ids))
        for row in range(len(table)):
            record = self.records[table.doc_id(row)]
            assert table.text(row) in record["text"]
            fields = {name: record[name] for name in changing_documents.FIELDS if name in record}
            assert json.loads(table.metadata(row)) == fields
        queries = system.embed(_QUESTIONS)
        scores = queries @ vectors.T
        for k in ks:
            for conditions, meets in _FILTERS.items():
                found = system.search(queries, k, *conditions)
                self._check_found(found, k, ids, np.where(self._allowed(meets), scores, -np.inf))

    def _allowed(self, meets: Callable[[dict[str, Any]], bool]) -> np.ndarray:
        """<bool>[num_blocks] blocks of documents that meet a filter, in the order of `_blocks`."""
        found = [meets(self.records[d]) for d, (own, _) in self._blocks.items() for _ in own]
        return np.array(found)

    def _check_found(
        self, found: tuple[np.ndarray, np.ndarray], k: int, ids: np.ndarray, scores: np.ndarray
    ) -> None:
        """Compares what was found with all scores <float32>[n, num_blocks]; -inf is not allowed."""
        found_ids, found_scores = found
        assert found_ids.shape == (len(scores), min(k, len(ids)))
        best = -np.sort(-scores, axis=1)[:, :k]
        np.testing.assert_allclose(found_scores, best, rtol=1e-4, atol=1e-4)
        place = {i: n for n, i in enumerate(ids.tolist())}
        for row, of_row, all_scores in zip(found_ids, found_scores, scores, strict=True):
            there = np.isfinite(of_row)
            assert len(set(row[there].tolist())) == np.count_nonzero(there)
            own = all_scores[[place[i] for i in row[there].tolist()]]
            np.testing.assert_allclose(of_row[there], own, rtol=1e-4, atol=1e-4)


def run(tmp_path, *, rounds: int, batch: int, index: str = "exact") -> int:
    """Makes rounds of random changes; returns how many documents were changed."""
    rng = np.random.default_rng(0)
    numbers = iter(range(10**6))
    first = [changing_documents.record(next(numbers)) for _ in range(2 * batch)]
    system = changing_documents.publish(tmp_path, first, index=index)
    truth = Truth(system, rng)
    truth.put(first)
    total = 0
    for number in range(rounds):
        rule = ("retrieval.max_delta_fraction=0.5",) if number % 2 else ()
        for operation in rng.permutation([change.ADD, change.UPDATE, change.DELETE]).tolist():
            given: list[Any]
            if operation == change.ADD:
                given = [truth.record(next(numbers)) for _ in range(batch)]
            else:
                given = truth.choose(batch)
            if operation == change.UPDATE:
                given = [truth.record(int(doc_id.removeprefix("doc-"))) for doc_id in given]
            change.change(system.target(*rule), system.request(operation, given))
            if operation == change.DELETE:
                truth.remove(given)
            else:
                truth.put(given)
            total += len(given)
            truth.check(system, (1, 8, 100_000))
    return total


def test_random_changes(tmp_path):
    assert run(tmp_path, rounds=2, batch=5) > 25


@pytest.mark.slow
def test_ten_thousand_random_changes(tmp_path):
    assert run(tmp_path, rounds=34, batch=100) > 10_000
