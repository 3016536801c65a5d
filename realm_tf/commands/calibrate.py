# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Calibrates a fine-tuned system on its dev questions, with and without their documents.

The questions are divided in two by hash of their document: one half is fitted on, the other judges.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from beam_jobs.engine import progress
from realm_tf import artifacts
from realm_tf import config as config_lib
from realm_tf.commands import qa_module
from realm_tf.data.blocks import keys
from realm_tf.data.blocks import table as block_table
from realm_tf.data.questions import questions as open_qa
from realm_tf.evaluation import answer_scores
from realm_tf.evaluation import calibration as calibration_lib
from realm_tf.training.run import context as context_lib
from realm_tf.training.run import system as system_lib
from serving import answers, requests, signatures

KIND = "calibration"
FILE = "calibration.json"
VERSION = 2  # of how it is made, and of what answers are; raise it when that changes

_LOGGER = logging.getLogger(__name__)
_BATCH_SIZE = 32
_LEAST = 20  # questions to fit on; with fewer nothing is fitted
_TEMPERATURES = calibration_lib.TEMPERATURES


def calibrate(
    context: context_lib.Context,
    system: system_lib.System,
    qa_weights: artifacts.Segment,
    questions: Sequence[open_qa.Question],
    fingerprint: str,
) -> artifacts.Segment:
    """Calibrates a system, unless that is done.

    Args:
      context: The opened data of the run.
      system: The system.
      qa_weights: The "open_qa_weights" segment that was fine-tuned on it.
      questions: Dev questions.
      fingerprint: Hash of the file that they are from.

    Returns:
      The "calibration" segment.
    """
    settings: dict[str, Any] = {"version": VERSION, "questions": len(questions)}
    num_read = context.config.answering.open_qa.num_read
    if num_read != context.config.open_qa.num_read:
        settings["num_read"] = num_read
    if (dtype := context.config.evaluation.reader_dtype) != "float32":
        settings["reader_dtype"] = dtype
    if (fusion := context.config.retrieval.fusion).serve:
        settings["fusion"] = config_lib.to_dict(fusion)
    made_from = {
        **system.made_from(),
        "open_qa_weights": qa_weights.fingerprint,
        "questions": fingerprint,
    }
    path = context.recipe(KIND, settings=settings, made_from=made_from)
    if artifacts.is_complete(path):
        return artifacts.open_segment(path, KIND)
    module = qa_module.make(context, system, qa_weights)
    made, figures = fit(module, context.knowledge, questions, num_read)
    writer = artifacts.SegmentWriter(path, kind=KIND, settings=settings, made_from=made_from)
    body = {"calibration": made.to_json(), "figures": figures}
    artifacts.write_text(f"{path}/{FILE}", json.dumps(body, indent=1, sort_keys=True) + "\n")
    writer.add(FILE)
    return writer.commit(questions=len(questions))


def load(segment: artifacts.Segment) -> tuple[calibration_lib.Calibration, dict[str, Any]]:
    """The calibration in a "calibration" segment, and what was measured of it."""
    body = artifacts.read_json(segment.file(FILE))
    return calibration_lib.Calibration.from_json(body["calibration"]), body["figures"]


class _Asked(NamedTuple):
    """A batch of questions, asked with their documents (`is_absent` false) or without."""

    questions: Sequence[open_qa.Question]
    found: answers.Candidates
    scores: tf.Tensor
    is_absent: bool


class _Answered(NamedTuple):
    """What came of a batch: of the first answers [n], and the features [n, num_features]."""

    probability: np.ndarray
    is_correct: np.ndarray
    features: np.ndarray


def fit(
    module: signatures.QaModule,
    table: block_table.BlockTable,
    questions: Sequence[open_qa.Question],
    num_read: int,
) -> tuple[calibration_lib.Calibration, dict[str, Any]]:
    """Calibrates a system on one half of the dev questions, and measures that on the other.

    A half of fewer than 20 questions is too small: nothing is fitted to it, and what stays is the
    plain softmax and no-evidence probability. The same goes for the latter where fewer than 20
    questions of the half name their documents.

    Args:
      module: The system's graph.
      table: Its blocks.
      questions: Dev questions.
      num_read: How many blocks are read for a question.

    Returns:
      The calibration, and its figures; see `calibration.figures`.
    """
    asked: list[_Asked] = []
    with progress.shown("calibrating", len(questions), lambda: _num_present(asked)):
        for batch in _ask(module, table, questions, min(num_read, len(table))):
            asked.append(batch)
    rank = _ranker(module)
    names = [q for batch in asked for q in batch.questions]
    absent = np.concatenate([np.full(len(b.questions), b.is_absent) for b in asked])
    fitted = calibration_lib.is_for_fitting([(q.doc_ids or (q.question,))[0] for q in names])
    named = np.array([bool(q.doc_ids) for q in names], bool)

    present = [batch for batch in asked if not batch.is_absent]
    chosen = _temperature(rank, present, fitted[~absent])
    made = calibration_lib.Calibration(_TEMPERATURES[chosen])
    seen = _Answered(*map(np.concatenate, zip(*(rank(b, chosen) for b in asked), strict=True)))
    if (least := np.count_nonzero(fitted & named & absent)) < _LEAST:
        _LOGGER.warning(
            "Only %d dev questions that name their documents are there to fit on, and %d are"
            " needed: the probability that the corpus holds no answer is not calibrated, and only"
            " tells how little the reader prefers its first answer.",
            least,
            _LEAST,
        )
    else:
        of = fitted & named
        weights, bias = calibration_lib.fit_logistic(seen.features[of], absent[of])
        made = dataclasses.replace(made, weights=weights, bias=bias)
    judged, of = ~fitted & ~absent, ~fitted & named
    return made, calibration_lib.figures(
        seen.probability[judged],
        seen.is_correct[judged],
        calibration_lib.no_evidence(made, seen.features[of]),
        absent[of],
    )


def _num_present(asked: Sequence[_Asked]) -> int:
    """Questions that were asked with their documents."""
    return sum(len(batch.questions) for batch in asked if not batch.is_absent)


def _temperature(
    rank: Callable[[_Asked, int], _Answered], asked: Sequence[_Asked], fitted: np.ndarray
) -> int:
    """Number of the best temperature for the questions that are for fitting."""
    if np.count_nonzero(fitted) < _LEAST:
        return _TEMPERATURES.index(1.0)
    of_all = [[rank(batch, number) for batch in asked] for number in range(len(_TEMPERATURES))]
    probability, is_correct = (
        np.array([np.concatenate([batch[part] for batch in batches])[fitted] for batches in of_all])
        for part in (0, 1)
    )
    return calibration_lib.best_temperature(probability, is_correct)


def _ranker(module: signatures.QaModule) -> Callable[[_Asked, int], _Answered]:
    @tf.function(autograph=False, reduce_retracing=True)
    def rank(found: answers.Candidates, temperature: Any, scores: Any) -> Any:
        is_read = scores > requests.NO_BLOCK
        ranked, _, features = module.reader.rank(found, temperature, scores, is_read, 1)
        text = tf.gather(found.text, ranked.place[:, 0], batch_dims=1)
        return ranked.probability[:, 0], text, features

    def of_batch(asked: _Asked, number: int) -> _Answered:
        temperature = tf.constant(_TEMPERATURES[number])
        ranked = rank(asked.found, temperature, asked.scores)
        probability, texts, features = (x.numpy() for x in ranked)
        pairs = zip(texts, asked.questions, strict=True)
        is_correct = [answer_scores.is_correct(text.decode("utf-8"), q) for text, q in pairs]
        return _Answered(probability, np.array(is_correct, bool), features)

    return of_batch


def _ask(
    module: signatures.QaModule,
    table: block_table.BlockTable,
    questions: Sequence[open_qa.Question],
    num_read: int,
) -> Iterator[_Asked]:
    """Asks every question, and once more without its documents if it names some."""
    read, search_among = (
        tf.function(function, autograph=False, reduce_retracing=True)
        for function in (module.candidates, module.retriever.search_among)
    )
    doc_keys = np.concatenate([chunk.scalar("doc_key") for chunk in table.chunks()])
    for start in range(0, len(questions), _BATCH_SIZE):
        batch = questions[start : start + _BATCH_SIZE]
        for is_absent in (False, True):
            asked = [q for q in batch if q.doc_ids or not is_absent]
            if not asked:
                continue
            texts = tf.constant([q.question for q in asked])
            k = tf.fill([len(asked)], num_read)
            if is_absent:
                # Searched anew: of a fusion, what stands behind a block that is left out moves up.
                allowed = [_is_other(doc_keys, q.doc_ids) for q in asked]
                rows, scores = search_among(texts, k, tf.constant(np.array(allowed)))
            else:
                rows, scores = module.search(texts, k)
            yield _Asked(asked, read(texts, rows, scores), scores, is_absent)


def _is_other(doc_keys: np.ndarray, docs: Sequence[str]) -> np.ndarray:
    """Whether blocks are of other documents than `docs`, <bool>[num_blocks]."""
    return ~np.isin(doc_keys, np.array([keys.doc_key(doc) for doc in docs], np.uint64))
