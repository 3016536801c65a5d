# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How much markup is left over in a corpus as it is read, and how fast it is read.

    python benchmarks/markup_left.py 'dump/*.xml.bz2' wikipedia [--sample 200] [--show]
    python benchmarks/markup_left.py out/blocks-6a6fdcef6e41 blocks [--sample 200] [--show]

Counts patterns of wikitext and HTML in every paragraph of the documents, and in a random sample of
paragraphs, which `--show` prints, so that a person can see what the patterns do not. With "blocks"
the first argument is a segment, and its blocks stand in place of paragraphs.
"""

from __future__ import annotations

import argparse
import collections
import random
import re
import time

from realm_tf import artifacts, types
from realm_tf.config import corpus
from realm_tf.data.blocks import table as block_table
from realm_tf.data.corpus import formats as corpus_formats

PATTERNS = {
    "template": re.compile(r"\{\{|\}\}"),
    "link": re.compile(r"\[\[|\]\]"),
    "external link": re.compile(r"\[(?:https?:)?//"),
    "quotes": re.compile(r"''"),
    "reference": re.compile(r"</?ref\b", re.IGNORECASE),
    "tag": re.compile(r"</?[a-z]+(?:\s[^<>]*)?/?>", re.IGNORECASE),
    "comment": re.compile(r"<!--|-->"),
    "table": re.compile(r"\{\||\|\}|^\s*\|-|^\s*[|!].*\|\|", re.MULTILINE),
    "table attribute": re.compile(r"\b(?:colspan|rowspan|cellpadding|bgcolor|class)\s*="),
    "magic word": re.compile(r"__[A-Z]+__"),
    "entity": re.compile(r"&(?:[a-z]+\d*|#\d+|#x[0-9a-f]+);", re.IGNORECASE),
    "file": re.compile(r"\b(?:File|Image|Category):|\bthumb\||\b\d+px\b"),
    "heading": re.compile(r"^=+[^=\n]+=+\s*$", re.MULTILINE),
    "list": re.compile(r"^[*#;:]+ ?\S", re.MULTILINE),
    "template argument": re.compile(r"^\s*\|\s*\w+\s*=", re.MULTILINE),
    "empty brackets": re.compile(r" \([ ,;]*\)"),
}


def count(text: str) -> collections.Counter[str]:
    """Name of a pattern to the number of its matches; only those that match."""
    found = {name: len(pattern.findall(text)) for name, pattern in PATTERNS.items()}
    return collections.Counter({name: n for name, n in found.items() if n})


def read_corpus(pattern: str, fmt: str) -> tuple[list[str], collections.Counter[str]]:
    """The paragraphs of a corpus, and what became of its records."""
    options = corpus.CorpusConfig()
    outcomes: collections.Counter[str] = collections.Counter()
    paragraphs: list[str] = []
    for unit in corpus_formats.units(pattern, fmt, options):
        for found in corpus_formats.read_unit(unit, fmt, options):
            if isinstance(found, types.Document):
                outcomes["document"] += 1
                paragraphs += [p for p in found.text.split("\n") if p]
            else:
                outcomes[getattr(found, "reason", "problem")] += 1
    return paragraphs, outcomes


def read_blocks(path: str) -> tuple[list[str], collections.Counter[str]]:
    """The texts of a segment of blocks, and how many there are."""
    table = block_table.BlockTable.open(artifacts.open_segment(path))
    texts = [table.text(row) for row in range(len(table))]
    return texts, collections.Counter(blocks=len(texts))


def main() -> None:
    """Reads a corpus and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pattern")
    parser.add_argument("format", nargs="?", default=corpus_formats.AUTO)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print the sample")
    args = parser.parse_args()
    start = time.process_time()
    if args.format == "blocks":
        paragraphs, outcomes = read_blocks(args.pattern)
    else:
        paragraphs, outcomes = read_corpus(args.pattern, args.format)
    seconds = time.process_time() - start
    size = sum(len(p.encode("utf-8")) for p in paragraphs) / 1e6
    print(dict(outcomes))
    print(f"{size:.1f} MB of text, {len(paragraphs)} paragraphs or blocks")
    speed = f"{size / seconds:.2f} MB/s, {outcomes.total() / seconds:.0f} records/s"
    print(f"{seconds:.1f} CPU seconds: {speed}")
    print("in all paragraphs:", dict(sum(map(count, paragraphs), collections.Counter())))
    sample = random.Random(args.seed).sample(paragraphs, min(args.sample, len(paragraphs)))
    print(f"in {len(sample)} random ones:", dict(sum(map(count, sample), collections.Counter())))
    if args.show:
        print(*sample, sep="\n\n")


if __name__ == "__main__":
    main()
