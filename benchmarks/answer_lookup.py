# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which of thousands of searched blocks hold an answer: looked up, or searched for in every step.

    python -m benchmarks.answer_lookup BLOCKS VOCAB QUESTIONS [--searched 5000]

The job finds the answers of all questions once. Then, for batches of eight questions and as many
blocks a question, drawn at random, the lookup is timed in turn with the search for the answers'
wordpieces, which a step did before there was the job; both in processor time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from beam_jobs import find_answers
from realm_tf import artifacts
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows, answer_spans
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import tokenizer as tokenizer_lib
from realm_tf.text import vocabulary

_BATCH = 8


def measure(blocks: str, vocab: str, path: str, searched: int, batches: int) -> dict[str, Any]:
    """Processor seconds of the job, and milliseconds a batch of both ways."""
    segment = artifacts.open_segment(blocks, schema.BLOCKS)
    questions, table = questions_lib.read(path), block_table.BlockTable.open(segment)
    tokenizer = tokenizer_lib.Tokenizer.open(artifacts.open_segment(vocab, vocabulary.KIND))
    with tempfile.TemporaryDirectory(prefix="answer-lookup-") as root:
        start = time.process_time()
        made = find_answers.find_answers(find_answers.Params(blocks, path, root))
        job = time.process_time() - start
        size = sum(shard.num_bytes for shard in made.shards)
        known = answer_rows.AnswerRows.open(made, segment, questions)
    rng = np.random.default_rng(0)
    lookup, search, agree = [], [], []
    for _ in range(batches):
        asked = [questions[i] for i in rng.integers(len(questions), size=_BATCH)]
        rows = rng.integers(len(table), size=(_BATCH, min(searched, len(table))))
        start = time.process_time()
        by_lookup = known.has_answer(asked, rows)
        lookup.append(time.process_time() - start)
        start = time.process_time()
        by_search = _search(table, tokenizer, asked, rows)
        search.append(time.process_time() - start)
        agree.append(np.mean(by_lookup == by_search))
    return {
        "questions": len(questions),
        "blocks": len(table),
        "job, CPU seconds": round(job, 1),
        "pairs found": made.counts["found"],
        "bytes": size,
        "lookup, CPU ms a batch": round(1e3 * float(np.median(lookup)), 2),
        "search, CPU ms a batch": round(1e3 * float(np.median(search)), 2),
        "share of blocks on which both agree": round(float(np.mean(agree)), 6),
    }


def _search(
    table: block_table.BlockTable,
    tokenizer: tokenizer_lib.Tokenizer,
    questions: Sequence[questions_lib.Question],
    rows: np.ndarray,
) -> np.ndarray:
    """What holds an answer's wordpieces, <bool>[num_questions, num_searched]."""
    found = np.zeros(rows.shape, bool)
    answers = answer_spans.answer_token_ids(tokenizer, [q.answers for q in questions])
    is_continuation = answer_spans.continuations(tokenizer)
    for number, (ids, of_one) in enumerate(zip(answers, rows, strict=True)):
        bodies = table.take("token_ids", of_one)
        spans = answer_spans.find_answer_spans(bodies, ids, is_continuation=is_continuation)
        found[number, spans.slot] = True
    return found


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("blocks", help="path of the segment of blocks")
    parser.add_argument("vocab", help="path of the segment of their vocabulary")
    parser.add_argument("questions", help="file of questions whose answers are texts")
    parser.add_argument("--searched", type=int, default=5000, help="blocks a question")
    parser.add_argument("--batches", type=int, default=20)
    args = parser.parse_args()
    figures = measure(args.blocks, args.vocab, args.questions, args.searched, args.batches)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
