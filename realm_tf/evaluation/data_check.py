# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The whole check of corpus and questions: figures and findings, for people and for programs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from realm_tf import config as config_lib
from realm_tf.evaluation import (
    corpus_scan,
    data_advice,
    findings,
    report,
    setting_advice,
    text_lengths,
)

TRAIN, DEV = "training", "dev"


class DataCheck(NamedTuple):
    """The result of a check.

    Attributes:
      figures: What was counted, by section.
      found: What is wrong, the worst first.
    """

    figures: dict[str, dict[str, Any]]
    found: list[findings.Finding]

    @property
    def errors(self) -> list[findings.Finding]:
        """Why nothing could be learnt from this data, or a run would be refused."""
        return [finding for finding in self.found if finding.level == findings.ERROR]

    def text(self) -> str:
        """The check, for people."""
        lines = [finding.text() for finding in self.found] or ["Nothing was found to be wrong."]
        return f"{report.render(self.figures)}\n\n" + "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The check, as JSON values: the figures, and `findings`."""
        return {**self.figures, "findings": [dataclasses.asdict(f) for f in self.found]}


def judge(
    scanned: corpus_scan.Scanner,
    lengths: text_lengths.Lengths | None,
    config: config_lib.Config,
) -> DataCheck:
    """Judges what was found in a corpus and its questions: the figures of `realm data check`.

    Args:
      scanned: What has read the corpus; its files of questions are `TRAIN`, if any, and `DEV`.
      lengths: Lengths of a sample; None if there is nothing to measure.
      config: Configuration of the run.
    """
    corpus = scanned.corpus
    figures = {"corpus": _of_corpus(corpus)}
    figures["questions"] = {name: _of_questions(q) for name, q in scanned.questions.items()}
    if lengths is not None:
        figures["lengths"] = _of_lengths(lengths, corpus.documents)
        figures["answers"] = dict(lengths.fates)
    found = list(_findings(scanned, lengths, config))
    order = (findings.ERROR, findings.WARNING, findings.NOTE)
    return DataCheck(figures, sorted(found, key=lambda finding: order.index(finding.level)))


def _findings(
    scanned: corpus_scan.Scanner,
    lengths: text_lengths.Lengths | None,
    config: config_lib.Config,
) -> Iterator[findings.Finding]:
    corpus = scanned.corpus
    yield from data_advice.of_corpus(corpus, config.jobs.max_bad_fraction)
    if not corpus.documents:
        return
    for name, scan in scanned.questions.items():
        yield from data_advice.of_questions(
            name, scan, is_whole=corpus.is_whole, is_learnt_from=name == TRAIN
        )
    if TRAIN in scanned.questions:
        yield from data_advice.of_both(scanned.questions[TRAIN], scanned.questions[DEV])
    if lengths is not None:
        if corpus.is_whole:
            num_blocks = _num_blocks(lengths, corpus.documents)
            yield from setting_advice.of_numbers(config, num_blocks)
        yield from setting_advice.of_lengths(config, lengths)
        yield from setting_advice.of_vocabulary(config, lengths)


def _num_blocks(lengths: text_lengths.Lengths, documents: int) -> int:
    return round(lengths.blocks_per_document * documents)


def _of_corpus(scan: corpus_scan.CorpusScan) -> dict[str, Any]:
    return {
        "documents": scan.documents,
        "words": scan.words,
        "repeated_ids": scan.repeated_ids,
        "repeated_texts": scan.repeated_texts,
        "unreadable": scan.problems,
        **{f"left_out_{reason}": count for reason, count in scan.dropped.items()},
        "read_to_the_end": scan.is_whole,
    }


def _of_questions(scan: corpus_scan.QuestionScan) -> dict[str, Any]:
    named = sum(bool(question.doc_ids) for question in scan.questions)
    return {
        "questions": scan.num_questions,
        "searched": len(scan.questions),
        "answer_in_corpus": len(scan.found),
        "name_a_document": named,
        "document_in_corpus": len(scan.gold),
        "answer_in_document": len(scan.gold_with_answer),
    }


def _of_lengths(lengths: text_lengths.Lengths, documents: int) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "wordpieces_per_word": lengths.wordpieces_per_word,
        "unknown_wordpieces": lengths.unknown,
        "blocks_about": _num_blocks(lengths, documents),
    }
    for name in ("blocks", "sentences", "questions", "answers"):
        sizes = getattr(lengths, name)
        if sizes.size:
            figures[f"{name}_median"] = int(np.median(sizes))
            figures[f"{name}_99_percent"] = int(np.percentile(sizes, 99))
            figures[f"{name}_longest"] = int(sizes.max())
    return figures
