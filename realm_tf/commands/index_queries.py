# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Real queries for the recall of an index built alone: questions, or sentences of blocks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np

from realm_tf import artifacts, types
from realm_tf import config as config_lib
from realm_tf.artifacts import gfile
from realm_tf.data.blocks import schema
from realm_tf.data.blocks import table as block_table
from realm_tf.data.examples import ict
from realm_tf.data.questions import questions as questions_lib
from realm_tf.retrieval import retriever
from realm_tf.text import packing
from realm_tf.text import tokenizer as tokenizer_lib

_COUNT = 1_000
_BATCH = 64


def of_questions(
    path: str, tokenizer: tokenizer_lib.Tokenizer, reading: config_lib.QuestionsConfig
) -> types.Ragged:
    """Wordpieces of at most 1,000 questions of a file, evenly spread."""
    questions = questions_lib.read(path, reading)
    chosen = np.linspace(0, len(questions) - 1, min(_COUNT, len(questions))).astype(int)
    encoded = tokenizer.encode([questions[i].question for i in chosen])
    return types.Ragged.of([text.ids for text in encoded])


def of_blocks(path: str, seed: int) -> types.Ragged:
    """Wordpieces of 1,000 sentences, each of another block, as far as there are so many.

    Raises:
      UserError: If no block has two sentences.
    """
    table = block_table.BlockTable.open(artifacts.open_segment(path, schema.BLOCKS))
    rng = np.random.default_rng(seed)
    rows = rng.permutation(ict.eligible_rows(table))[:_COUNT]
    if not len(rows):
        raise types.UserError(f"{path} has no block of two sentences. Give --questions.")
    made = [ict.make(table, int(row), rng, keep_probability=1.0) for row in np.sort(rows)]
    return types.Ragged.of([example.query_ids for example in made])


def write(
    queries: types.Ragged,
    embedder: artifacts.Segment,
    tokenizer: tokenizer_lib.Tokenizer,
    length: int,
    output: str,
) -> str:
    """Embeds queries with the query tower of an embedder, and writes the vectors.

    Args:
      queries: Wordpieces of the queries.
      embedder: Segment "embedder".
      tokenizer: The tokenizer that the embedder was trained with.
      length: Wordpieces of a packed query.
      output: Directory for the file.

    Returns:
      Path of a .npy file <float32>[num_queries, embed_dim], named after its contents.
    """
    artifacts.require_same(
        "tokenizer",
        (embedder.path, embedder.made_from.get("tokenizer")),
        ("the vocabulary", tokenizer.fingerprint),
    )
    packed = packing.pack_queries(queries, length, tokenizer)
    embed_fn = retriever.load_embed_fn(embedder, "queries")
    embedded = np.concatenate([_embed(embed_fn, packed, start) for start in _starts(queries)])
    gfile.makedirs(output)
    name = f"queries-{hashlib.sha256(embedded.tobytes()).hexdigest()[:12]}.npy"
    artifacts.write_array(os.path.join(output, name), embedded)
    return os.path.join(output, name)


def made_of(
    config: config_lib.Config,
    *,
    questions: str | None,
    blocks: str | None,
    embedder: str | None,
    vocab: str | None,
    output: str,
) -> str | None:
    """The vectors of the queries that the user names, as `write` writes them; None if none.

    Args:
      config: How questions are read, and how long a packed query is.
      questions: A file of questions.
      blocks: Path of a segment "blocks".
      embedder: Path of the segment "embedder".
      vocab: Path of the segment "vocab".
      output: Directory for the file.

    Raises:
      UserError: If the parts are missing or do not belong together, or there are both questions and
        blocks.
    """
    if questions is None and blocks is None:
        return None
    if questions is not None and blocks is not None:
        raise types.UserError("Give --questions or --blocks to measure recall with, not both.")
    if embedder is None or vocab is None:
        raise types.UserError("Queries need --embedder and --vocab, to be embedded.")
    tokenizer = tokenizer_lib.Tokenizer.open(vocab)
    if questions is not None:
        queries = of_questions(questions, tokenizer, config.questions)
    else:
        queries = of_blocks(str(blocks), config.seed)
    segment = artifacts.open_segment(embedder, "embedder")
    return write(queries, segment, tokenizer, config.open_qa.query_length, output)


def _starts(queries: types.Ragged) -> Sequence[int]:
    return range(0, len(queries), _BATCH)


def _embed(embed_fn: retriever.EmbedFn, packed: types.EncoderInputs, start: int) -> np.ndarray:
    return embed_fn(types.EncoderInputs(*(array[start : start + _BATCH] for array in packed)))
