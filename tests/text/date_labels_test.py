# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The date rules on the paragraphs that were labelled by hand, where their sources are at hand."""

import collections
import gzip
import json
import pathlib

import pytest

from realm_tf.text import dates

ROOT = pathlib.Path(__file__).parents[2]
SHARED = ROOT / "../shared/data"
LABELS = [
    json.loads(line)
    for line in (ROOT / "benchmarks/labels/dates_en.jsonl").read_text().splitlines()
]


def test_labels_are_places_in_their_paragraphs():
    assert sum(len(label["dates"]) for label in LABELS) == 429
    assert len({(label["doc_id"], label["byte_start"]) for label in LABELS}) == len(LABELS)
    for label in LABELS:
        assert "text" not in label
        place = 0
        for start, limit, kind in label["dates"]:
            assert place <= start < limit <= label["byte_limit"] - label["byte_start"]
            assert kind in {
                *("day", "month", "season", "year", "era_year", "decade", "century", "range")
            }
            place = limit


def _texts() -> dict[tuple[str, int], str]:
    wanted = collections.defaultdict(list)
    for label in LABELS:
        wanted[label["source"], label["doc_id"]].append(label)
    texts = {}
    for source in {label["source"] for label in LABELS}:
        with gzip.open(SHARED / source, "rt", encoding="utf-8") as lines:
            for document in map(json.loads, lines):
                for label in wanted.get((source, document["id"]), []):
                    text = document["text"].encode()[label["byte_start"] : label["byte_limit"]]
                    texts[label["doc_id"], label["byte_start"]] = text.decode()
    return texts


@pytest.mark.skipif(not SHARED.exists(), reason="the public data is not at hand")
def test_rules_agree_with_the_labels():
    rules, texts = dates.load("en"), _texts()
    right = found = labelled = 0
    for label in LABELS:
        spans = set(rules.find(texts[label["doc_id"], label["byte_start"]]))
        gold = {(start, limit) for start, limit, _ in label["dates"]}
        right, found = right + len(spans & gold), found + len(spans)
        labelled += len(gold)
    assert right / found > 0.98
    assert right / labelled > 0.97
