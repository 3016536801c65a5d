# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the processor time of an answer goes, in the served graph: for `serving_port`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from realm_tf.models import variable_names
from realm_tf.models.inference import lean_encoder
from serving import graph_packing, signatures

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
        "read": ms["read"],
    }
    before = ms["question to blocks"] + ms["words of blocks"] + ms["read"]
    stages = {**parts_of, "span": ms["answer"] - before}
    return {name: round(value, 3) for name, value in stages.items()}


def _seconds(function: Callable[..., Any], inputs: Sequence[Any]) -> float:
    started = time.process_time()
    function(*inputs)
    return time.process_time() - started


def _timed(parts: Mapping[str, Any]) -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    """What makes the inputs of a batch of questions ready, and what is timed, by name."""
    module, config = signatures.QaModule(**parts), parts["config"].open_qa
    tokenizer, reader = parts["tokenizer"], parts["model"].reader
    text_to_ids = tokenizer.in_graph()
    weights = {name: v.numpy() for name, v in variable_names.of_span_reader(reader).items()}
    dtype = parts["config"].evaluation.reader_dtype
    encoder = lean_encoder.LeanEncoder(weights, reader.config.encoder, dtype=dtype)
    num_read = min(config.num_read, len(parts["table"]))

    def pack(question: tf.Tensor, texts: tf.Tensor) -> Any:
        numbers = tf.repeat(tf.range(tf.size(question)), num_read)
        queries = tf.gather(text_to_ids.tokenize(question), numbers)
        bodies, *_ = text_to_ids.tokenize_with_offsets(texts)
        joint, _ = graph_packing.pack_joint(queries, bodies, config.reader_length, tokenizer)
        return graph_packing.trim(joint)

    def with_texts(question: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows, scores = search(question)
        texts = module.retriever.cite(rows, scores < float("inf"))["block_text"]
        return question, tf.reshape(texts, [-1])

    def search(question: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return module.search(question, tf.fill(tf.shape(question), num_read))

    def graph(function: Callable[..., Any]) -> Callable[..., Any]:
        return tf.function(function, autograph=False, reduce_retracing=True)

    def alone(question: tf.Tensor) -> tuple[tf.Tensor]:
        return (question,)

    pack = graph(pack)
    return {
        "words of question": (alone, graph(text_to_ids.tokenize)),
        "question to vector": (alone, graph(module.retriever.embed_queries)),
        "question to blocks": (alone, search),
        "words of blocks": (with_texts, pack),
        "read": (lambda question: (pack(*with_texts(question)),), graph(encoder)),
        "answer": (alone, module.answer),
    }
