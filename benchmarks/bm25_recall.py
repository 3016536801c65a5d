# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""How well BM25 finds the paragraphs of SQuAD's questions, with the settings of the project.

    python -m benchmarks.bm25_recall SQUAD_OPEN_DIR [--every 3] [--set retrieval.fusion.k1=0.9 ...]

SQUAD_OPEN_DIR holds corpus.jsonl.gz and qa_dev_public.jsonl.gz. A paragraph with its title is one
document of the index; of the questions every third is asked. `gold@k`: the paragraph of the
question is among the first k.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import time
from typing import Any

import numpy as np

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import formats
from realm_tf.data.questions import questions as questions_lib
from realm_tf.evaluation import retrieval_ranks
from realm_tf.retrieval import bm25

CUTOFFS = (1, 5, 20, 100)


def measure(corpus: str, asked: str, every: int, config: config_lib.Config) -> dict[str, Any]:
    """Recall by paragraph, and processor seconds of the index and milliseconds a question."""
    documents = [
        document
        for unit in formats.units(corpus, formats.JSONL)
        for document in formats.read_unit(unit, formats.JSONL)
        if isinstance(document, types.Document)
    ]
    places = {document.doc_id: place for place, document in enumerate(documents)}
    questions = questions_lib.read(asked)[::every]
    start = time.process_time()
    texts = (f"{document.title} {document.text}" for document in documents)
    index = bm25.Bm25(texts, config.retrieval.fusion)
    built = time.process_time() - start
    start = time.process_time()
    rows = index.search([question.question for question in questions], max(CUTOFFS)).rows
    searched = time.process_time() - start
    gold = np.array([places[question.doc_ids[0]] for question in questions])
    hits = rows == gold[:, None]
    ranks = np.where(hits.any(axis=1), hits.argmax(axis=1), retrieval_ranks.NOT_FOUND)
    return {
        "documents": len(documents),
        "questions": len(questions),
        **retrieval_ranks.recall(ranks, CUTOFFS, "gold"),
        "index, CPU seconds": round(built, 1),
        "search, CPU ms a question": round(1e3 * searched / len(questions), 2),
    }


def main() -> None:
    """Measures, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("squad_open", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    corpus, asked = (args.squad_open / n for n in ("corpus.jsonl.gz", "qa_dev_public.jsonl.gz"))
    config = config_lib.load(None, args.set)
    figures = measure(str(corpus), str(asked), args.every, config)
    for name, value in figures.items():
        print(f"{name:<26} {value:.3f}" if name.startswith("gold") else f"{name:<26} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
