# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tiny run: its configuration, its data as real segments, and what training needs of others."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from beam_jobs import find_answers as find_answers_job
from beam_jobs import rank_words as rank_words_job
from realm_tf import artifacts, config
from realm_tf.config import parsing
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import answer_rows as answer_rows_lib
from realm_tf.data.questions import questions as questions_lib
from realm_tf.data.questions import word_ranks as word_ranks_lib
from realm_tf.models import open_qa_model
from realm_tf.retrieval import retriever, vectors
from realm_tf.text import packing, vocabulary
from realm_tf.training.experiments import ict, warmup
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import refresh
from realm_tf.training.run import system as system_lib
from serving import signatures
from tests.data import example_passages

_ENCODER = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_size": 32,
    "max_positions": 64,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}

_SETTINGS = {
    "seed": 3,
    "blocks": {"length": 40},
    "model": {
        "embedder": {"encoder": _ENCODER, "projection_size": 8, "dropout": 0.0},
        "reader": {"encoder": _ENCODER, "span_size": 8, "max_span_width": 4},
    },
    "ict": {"steps": 6, "batch_size": 4, "query_length": 12, "checkpoint_every_steps": 3},
    "pretrain": {
        "steps": 6,
        "batch_size": 4,
        "query_length": 14,
        "num_candidates": 3,
        "max_masks": 5,
        "checkpoint_every_steps": 3,
        "warmup": {"batch_size": 4, "check_every_steps": 2},
    },
    "open_qa": {
        "steps": 3,
        "batch_size": 2,
        "query_length": 12,
        "reader_length": 52,
        "num_searched": 6,
        "num_read": 2,
        "max_answers": 3,
    },
    "evaluation": {"masked_examples": 8, "held_out_fraction": 0.3},
    "runtime": {"prefetch_batches": 2},
}


def make_config(*overrides: str) -> config.Config:
    """The tiny configuration, with "a.b=value" overrides."""
    values = config.to_dict(config.from_dict(config.Config, _SETTINGS))
    for override in overrides:
        parsing.apply_override(values, override)
    return config.from_dict(config.Config, values)


def make_context(root: pathlib.Path, cfg: config.Config | None = None) -> context_lib.Context:
    """Random documents as vocabulary, blocks, passages and their tables, all under `root`."""
    segments = str(root / "segments")
    tokenizer = example_passages.tokenizer()
    passages = example_passages.passages(seed=4, num_docs=24)
    blocks, spans = example_passages.segments(root / "segments", passages)
    return context_lib.Context(
        config=cfg or make_config(),
        root=segments,
        training_dir=str(root / "training"),
        vocab=vocabulary.write_segment(segments, tokenizer.vocab, lower_case=True),
        blocks=blocks,
        spans=spans,
    )


def find_answers(
    context: context_lib.Context, questions: Sequence[questions_lib.Question]
) -> artifacts.Segment:
    """Segment "answer_rows" of these questions, by the job."""
    path = _write_questions(context, questions)
    params = find_answers_job.Params(context.blocks.path, path, context.root, context.config)
    return find_answers_job.find_answers(params)


def _write_questions(
    context: context_lib.Context, questions: Sequence[questions_lib.Question]
) -> str:
    records = [
        {"id": q.question_id, "question": q.question, "answers": list(q.answers)} for q in questions
    ]
    text = "".join(json.dumps(record) + "\n" for record in records)
    path = pathlib.Path(context.root) / f"questions-{artifacts.digest(text)[:8]}.jsonl"
    path.write_text(text)
    return str(path)


def rank_words(
    context: context_lib.Context, questions: Sequence[questions_lib.Question], depth: int
) -> artifacts.Segment:
    """Segment "word_ranks" of these questions, by the job."""
    path = _write_questions(context, questions)
    params = rank_words_job.Params(context.blocks.path, path, context.root, depth, context.config)
    return rank_words_job.rank_words(params)


def word_ranks(
    context: context_lib.Context, questions: Sequence[questions_lib.Question], depth: int
) -> word_ranks_lib.WordRanks:
    """What BM25 finds for these questions."""
    made = rank_words(context, questions, depth)
    return word_ranks_lib.WordRanks.open(made, context.blocks, questions)


def answer_rows(
    context: context_lib.Context, questions: Sequence[questions_lib.Question]
) -> answer_rows_lib.AnswerRows:
    """The rows that hold the answers of these questions."""
    made = find_answers(context, questions)
    return answer_rows_lib.AnswerRows.open(made, context.blocks, questions)


def qa_module(
    context: context_lib.Context, system: system_lib.System, model: open_qa_model.OpenQaModel
) -> signatures.QaModule:
    """The graph of a system that is exported, with this model."""
    return signatures.QaModule(
        model=model,
        tokenizer=context.tokenizer,
        table=context.knowledge,
        vectors=vectors.VectorTable.open(system.snapshot.segment("vectors")),
        config=context.config.answering,
    )


def make_vectors(context: context_lib.Context) -> refresh.MakeVectors:
    """The embedding job without Beam: the exported embedder over the table, in one shard."""

    def run(
        embedder: artifacts.Segment,
        root: str,
        other: artifacts.Segment | None = None,
        reuse: Sequence[str] = (),
    ) -> artifacts.Segment:
        del reuse
        blocks = context.blocks if other is None else other
        made_from = {"blocks": blocks.fingerprint, "embedder": embedder.fingerprint}
        path = artifacts.recipe_path(root, vectors.KIND, settings={}, made_from=made_from)
        if artifacts.is_complete(path):
            return artifacts.open_segment(path, vectors.KIND)
        writer = artifacts.SegmentWriter(path, kind=vectors.KIND, settings={}, made_from=made_from)
        table = block_table.BlockTable.open(blocks)
        ids = np.array(table.block_ids)
        vectors.write_shard(path, 0, 1, block_ids=ids, vectors=embed(context, table, embedder))
        writer.add(vectors.ids_name(0, 1), num_records=len(ids))
        writer.add(vectors.vectors_name(0, 1), num_records=len(ids))
        return writer.commit(blocks=len(ids))

    return run


def embed(
    context: context_lib.Context, table: block_table.BlockTable, embedder: artifacts.Segment
) -> np.ndarray:
    """The vectors of blocks by an exported embedder."""
    every = np.arange(len(table))
    titles, bodies = (table.take(column, every) for column in ("title_ids", "token_ids"))
    length = context.config.blocks.length
    packed = packing.pack_blocks(titles, bodies, length, context.tokenizer)
    return retriever.load_embed_fn(embedder, "blocks")(packed)


def saved_values(*segments: artifacts.Segment) -> dict[tuple[str, str], np.ndarray]:
    """Kind and name to value of all weights in segments of them."""
    found = {}
    for segment in segments:
        reader = tf.train.load_checkpoint(f"{segment.path}/weights")
        for name, dtype in reader.get_variable_to_dtype_map().items():
            if dtype.is_floating:
                found[segment.kind, name] = reader.get_tensor(name)
    return found


def require_equal(
    found: dict[tuple[str, str], np.ndarray], expected: dict[tuple[str, str], np.ndarray]
) -> None:
    """Fails unless all values are equal to the last bit."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=str(name))


def random_system(context: context_lib.Context) -> system_lib.System:
    """A system of random weights, with its snapshot."""
    embedder_weights = ict.random_embedder(context)
    snapshot = refresh.baseline_snapshot(
        context, embedder_weights, make_vectors=make_vectors(context)
    )
    return system_lib.System("random", embedder_weights, warmup.train(context), snapshot)
