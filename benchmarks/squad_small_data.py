# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the inputs of configs/squad_small.yaml from SQuAD as an open-domain corpus.

    python benchmarks/squad_small_data.py SQUAD_OPEN_DIR OUTPUT_DIR

The first 3,000 paragraphs of corpus.jsonl.gz, and the questions of qa_train.jsonl.gz about them. A
tenth of the articles, by hash of the title, gives the dev questions, so no article has both.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

NUM_PARAGRAPHS = 3000
DEV_SHARE = 0.1


def read(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """The records of a .jsonl.gz file."""
    with gzip.open(path, "rt", encoding="utf-8") as f:
        yield from map(json.loads, f)


def is_dev(title: str) -> bool:
    """Whether an article's questions are for measuring."""
    return int(hashlib.sha256(title.encode()).hexdigest()[:8], 16) < DEV_SHARE * 16**8


def write(path: pathlib.Path, records: list[dict[str, Any]]) -> None:
    """Writes JSON lines, and says how many."""
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")
    print(f"{path}: {len(records)} lines")


def main(source: str, target: str) -> None:
    """Writes the three files."""
    folder, output = pathlib.Path(source), pathlib.Path(target)
    output.mkdir(parents=True, exist_ok=True)
    paragraphs = [
        paragraph
        for _, paragraph in zip(
            range(NUM_PARAGRAPHS), read(folder / "corpus.jsonl.gz"), strict=False
        )
    ]
    titles = {paragraph["id"]: paragraph["title"] for paragraph in paragraphs}
    asked = [q for q in read(folder / "qa_train.jsonl.gz") if q["paragraph_id"] in titles]
    write(output / "corpus.jsonl", paragraphs)
    for name, dev in (("train", False), ("dev", True)):
        chosen = [q for q in asked if is_dev(titles[q["paragraph_id"]]) == dev]
        write(output / f"questions_{name}.jsonl", chosen)


if __name__ == "__main__":
    main(*sys.argv[1:3])
