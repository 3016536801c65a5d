# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the processor time of an answer goes, in the served graph: for `serving_port`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf import types
from realm_tf.models import variable_names
from realm_tf.models.inference import lean_encoder
from serving import chunks, graph_packing, signatures
from serving import reader as reader_lib

_TRACED = 2  # first rounds, which do not count: a second shape is traced for all others


def measure(
    parts: Mapping[str, Any], questions: Sequence[str], size: int, rounds: int
) -> dict[str, float]:
    """CPU milliseconds of a question by stage: medians of rounds, each with all stages in turn.

    Args:
      parts: What `signatures.QaModule` is made of.
      questions: Questions to ask, at least one.
      size: Number of questions in a batch.
      rounds: Number of batches.

    Returns:
      `tokenize`, of question and blocks; `embed`; `search`; `read`, the reader's encoder; `span`:
      its head, the best spans, and the answers and evidence made of them.
    """
    asked = [questions[n % len(questions)] for n in range(size * (rounds + _TRACED))]
    timed = _timed(parts)
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for start in range(0, len(asked), size):
        batch = tf.constant(asked[start : start + size])
        for name, (prepare, function) in timed.items():
            seconds[name].append(_seconds(function, prepare(batch)))
    ms = {name: 1e3 * float(np.median(of[_TRACED:])) / size for name, of in seconds.items()}
    parts_of = {
        "tokenize": ms["words of question"] + ms["words of blocks"],
        "embed": ms["question to vector"] - ms["words of question"],
        "search": ms["question to blocks"] - ms["question to vector"],
        "read": ms["read"] - ms["words of blocks"],
    }
    stages = {**parts_of, "span": ms["answer"] - ms["question to blocks"] - ms["read"]}
    return {name: round(value, 3) for name, value in stages.items()}


def _seconds(function: Callable[..., Any], inputs: Sequence[Any]) -> float:
    started = time.process_time()
    function(*inputs)
    return time.process_time() - started


def _timed(parts: Mapping[str, Any]) -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    """What makes the inputs of a batch of questions ready, and what is timed, by name."""
    module = signatures.QaModule(**parts)
    num_read = min(parts["config"].open_qa.num_read, len(parts["table"]))
    text_to_ids = parts["tokenizer"].in_graph()

    def search(question: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return module.search(question, tf.fill(tf.shape(question), num_read))

    def with_texts(question: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows, scores = search(question)
        return question, module.retriever.cite(rows, scores < float("inf"))["block_text"]

    def alone(question: tf.Tensor) -> tuple[tf.Tensor]:
        return (question,)

    def graph(function: Callable[..., Any]) -> Callable[..., Any]:
        return tf.function(function, autograph=False, reduce_retracing=True)

    encode = _encoder(parts)
    return {
        "words of question": (alone, graph(text_to_ids.tokenize)),
        "question to vector": (alone, graph(module.retriever.embed_queries)),
        "question to blocks": (alone, search),
        "words of blocks": (with_texts, graph(_by_chunks(parts, _sum))),
        "read": (with_texts, graph(_by_chunks(parts, encode))),
        "answer": (alone, module.answer),
    }


def _sum(joint: types.EncoderInputs) -> tf.Tensor:
    return tf.cast(tf.reduce_sum(joint.word_ids, axis=1, keepdims=True), tf.float32)


def _encoder(parts: Mapping[str, Any]) -> Callable[[types.EncoderInputs], tf.Tensor]:
    reader = parts["model"].reader
    weights = {name: v.numpy() for name, v in variable_names.of_span_reader(reader).items()}
    dtype = parts["config"].evaluation.reader_dtype
    encoder = lean_encoder.LeanEncoder(weights, reader.config.encoder, dtype=dtype)
    return lambda joint: tf.reduce_sum(encoder(joint), axis=1)


def _by_chunks(
    parts: Mapping[str, Any], function: Callable[[types.EncoderInputs], tf.Tensor]
) -> Callable[[tf.Tensor, tf.Tensor], list[tf.Tensor]]:
    """Packs questions with their blocks, and calls a function of that, as the served reader does.

    Args:
      parts: What `signatures.QaModule` is made of.
      function: What is called, and returns <float32>[num_pairs, any].
    """
    tokenizer, length = parts["tokenizer"], parts["config"].open_qa.reader_length
    text_to_ids = tokenizer.in_graph()
    size = reader_lib.pairs_at_a_time(parts["model"].reader.config.encoder, length)

    def read(question: tf.Tensor, block_text: tf.Tensor) -> list[tf.Tensor]:
        pairs = tf.where(tf.ones_like(block_text, tf.bool))
        pairs = reader_lib.by_length(pairs, block_text)
        tokens = text_to_ids.tokenize(question)

        def some(number: tf.Tensor, text: tf.Tensor) -> list[tf.Tensor]:
            bodies, *_ = text_to_ids.tokenize_with_offsets(text)
            queries = tf.gather(tokens, number)
            joint, _ = graph_packing.pack_joint(queries, bodies, length, tokenizer)
            return [function(graph_packing.trim(joint))]

        texts = tf.gather_nd(block_text, pairs)
        return chunks.apply(some, [pairs[:, 0], texts], [tf.float32], size)

    return read
