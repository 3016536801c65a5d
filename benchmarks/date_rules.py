# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of the date rules on paragraphs that were labelled by hand.

    python benchmarks/date_rules.py DATA_DIR [--rules en] [--part dev] [--mistakes]

DATA_DIR holds the labels' sources, enwiki2015_sample/ and squad_open/: JSON Lines of documents.
The labels, `labels/dates_en.jsonl`, are places in them, not text; a paragraph whose SHA-256 is
another one is refused. The guidelines are in docs/dates.md.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from realm_tf.text import dates

# The rules were tuned on dev. All labels were written before the rules, but by their author, who so
# had read the test paragraphs; the blind ones were drawn and labelled when the rules were done.
PARTS = ("dev", "test", "blind")
LABELS = pathlib.Path(__file__).parent / "labels" / "dates_en.jsonl"

Span = tuple[int, int]
Find = Callable[[str], Sequence[Span]]


class Paragraph(NamedTuple):
    """A paragraph and its dates, (byte_start, byte_limit, kind)."""

    part: str
    text: str
    dates: list[tuple[int, int, str]]


class Score(NamedTuple):
    """Counts over paragraphs. `found` and `touched` are by kind, of exact and overlapping spans."""

    labelled: collections.Counter[str]
    found: collections.Counter[str]
    touched: collections.Counter[str]
    predicted: int
    predicted_exact: int
    predicted_overlap: int


def read(data: pathlib.Path) -> Iterator[Paragraph]:
    """Yields the labelled paragraphs.

    Raises:
      ValueError: If a source holds another text at the place.
    """
    wanted: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for line in LABELS.read_text().splitlines():
        label = json.loads(line)
        wanted.setdefault(label["source"], {}).setdefault(label["doc_id"], []).append(label)
    for source, by_id in sorted(wanted.items()):
        with gzip.open(data / source, "rt", encoding="utf-8") as lines:
            for document in map(json.loads, lines):
                for label in by_id.get(document["id"], []):
                    place = slice(label["byte_start"], label["byte_limit"])
                    text = document["text"].encode()[place]
                    if hashlib.sha256(text).hexdigest() != label["sha256"]:
                        raise ValueError(f"{source}: {document['id']} holds another text there.")
                    spans = [(int(a), int(b), str(kind)) for a, b, kind in label["dates"]]
                    yield Paragraph(label["part"], text.decode(), spans)


def score(paragraphs: Sequence[Paragraph], find: Find) -> Score:
    """Counts what `find` finds."""
    labelled, found, touched = (collections.Counter[str]() for _ in range(3))
    predicted = exact = overlap = 0
    for paragraph in paragraphs:
        spans = list(find(paragraph.text))
        gold = {(start, limit) for start, limit, _ in paragraph.dates}
        predicted += len(spans)
        exact += sum(span in gold for span in spans)
        overlap += sum(any(_overlap(span, other) for other in gold) for span in spans)
        for start, limit, kind in paragraph.dates:
            labelled[kind] += 1
            found[kind] += (start, limit) in spans
            touched[kind] += any(_overlap((start, limit), span) for span in spans)
    return Score(labelled, found, touched, predicted, exact, overlap)


def _overlap(left: Span, right: Span) -> bool:
    return left[0] < right[1] and right[0] < left[1]


def _show(name: str, result: Score) -> None:
    total = result.labelled.total()
    print(f"{name}: {total} labelled, {result.predicted} found")
    for what, right, hit in (
        ("exact", result.predicted_exact, result.found),
        ("overlap", result.predicted_overlap, result.touched),
    ):
        precision, recall = right / max(1, result.predicted), hit.total() / max(1, total)
        print(f"  {what:<8} precision {precision:.3f}  recall {recall:.3f}")
    for kind, count in result.labelled.most_common():
        print(f"  {kind:<9} {count:>4} {result.found[kind]:>4} exact {result.touched[kind]:>4} hit")


def _show_mistakes(paragraphs: Sequence[Paragraph], find: Find) -> None:
    for paragraph in paragraphs:
        data = paragraph.text.encode()
        gold, spans = {d[:2] for d in paragraph.dates}, set(find(paragraph.text))
        for sign, places in (("-", gold - spans), ("+", spans - gold)):
            for start, limit in sorted(places):
                around = [data[max(0, start - 30) : start], data[start:limit], data[limit:][:30]]
                before, inside, after = (part.decode("utf-8", "replace") for part in around)
                print(f"{sign} {before}[[{inside}]]{after}")


def main() -> None:
    """Prints the figures of both parts, or of one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--rules", default="en", help="a bundled language, or a file of rules")
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--mistakes", action="store_true", help="show what is missed, and wrong")
    args = parser.parse_args()
    find = dates.load(args.rules).find
    paragraphs = list(read(args.data))
    for part in [args.part] if args.part else PARTS:
        chosen = [p for p in paragraphs if p.part == part]
        _show(f"{part}, {len(chosen)} paragraphs", score(chosen, find))
        if args.mistakes:
            _show_mistakes(chosen, find)


if __name__ == "__main__":
    main()
