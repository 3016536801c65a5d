# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the bundled sample: a small encyclopedia and questions about it, from `facts/`.

    python -m realm_tf.data.sample.generator.generate [--check]

The same tables always give the same bytes.
"""

import argparse
import collections
import gzip
import json
import pathlib
import sys
from collections.abc import Iterable, Mapping

from realm_tf.data.sample.generator import articles, facts, questions

FOLDER = pathlib.Path(__file__).parents[1]


def records(tables: facts.Tables) -> dict[str, list[dict]]:
    """The records of every output file of the sample, by file name."""
    corpus = articles.assemble(tables)
    files: dict[str, list[dict]] = {
        "corpus.jsonl.gz": [{"id": a.id, "title": a.title, "text": a.text} for a in corpus]
    }
    asked = questions.ask(tables, corpus)
    for split in questions.SPLITS:
        files[f"questions_{split}.jsonl.gz"] = [
            {"id": q.id, "question": q.question, "answers": q.answers, "doc_ids": q.doc_ids}
            for q in asked
            if q.split == split
        ]
    return files


def to_jsonl(lines: Iterable[Mapping]) -> bytes:
    """One JSON object a line, in UTF-8."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def write(path: pathlib.Path, content: bytes) -> None:
    """Writes a gzip file without name or time, so that equal content gives equal bytes."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as file,
    ):
        file.write(content)


def stale(files: Mapping[str, bytes], folder: pathlib.Path = FOLDER) -> list[str]:
    """Names of the files in `folder` that are missing or hold something else.

    Contents are compared uncompressed: zlib's output differs between its builds.
    """
    names = []
    for name, content in files.items():
        path = folder / name
        if not path.exists() or gzip.decompress(path.read_bytes()) != content:
            names.append(name)
    return names


def summary(tables: facts.Tables, files: Mapping[str, list[dict]]) -> str:
    """Numbers of documents and questions of the sample, one line each."""
    kinds = collections.Counter(line["id"].partition("-")[0] for line in files["corpus.jsonl.gz"])
    lines = [f"{name}: {len(lines)}" for name, lines in files.items()]
    lines.append(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))
    lines.append(f"facts: {sum(1 for _ in tables.facts())}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Writes the files, or checks them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    check = parser.parse_args(argv).check
    try:
        tables = facts.load()
        files = records(tables)
    except facts.FactsError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    contents = {name: to_jsonl(lines) for name, lines in files.items()}
    if check:
        for name in (names := stale(contents)):
            sys.stderr.write(f"{name} is not what the tables say; run without --check\n")
        return 1 if names else 0
    for name, content in contents.items():
        write(FOLDER / name, content)
    sys.stdout.write(summary(tables, files) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
