# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a corpus and its questions, whatever the settings."""

from __future__ import annotations

from collections.abc import Iterator

from realm_tf.evaluation import corpus_scan, findings

_MANY = 0.1  # share of the questions
_REPEATED = 0.01  # share of the documents


def of_corpus(scan: corpus_scan.CorpusScan, most_bad: float) -> Iterator[findings.Finding]:
    """What is wrong with a corpus.

    Args:
      scan: What was found in it.
      most_bad: Share of the records that may be bad, as `jobs.max_bad_fraction`.
    """
    if not scan.documents:
        yield _error("The corpus has no document that can be read.")
    bad = scan.problems + scan.repeated_ids
    is_refused = bad > most_bad * (scan.documents + scan.problems + sum(scan.dropped.values()))
    level = findings.ERROR if is_refused else findings.WARNING
    refused = f" A run refuses it: jobs.max_bad_fraction is {most_bad:g}." if is_refused else ""
    if scan.problems:
        message = (
            f"{scan.problems} records cannot be read.{refused} The first: {scan.first_problem}"
        )
        yield findings.Finding(level, message)
    if scan.repeated_ids:
        message = f"{scan.repeated_ids} documents have an id that another document has.{refused}"
        yield findings.Finding(level, message)
    if scan.repeated_texts:
        level = findings.NOTE
        if scan.repeated_texts > _REPEATED * scan.documents:
            level = findings.WARNING
        yield findings.Finding(
            level, f"{scan.repeated_texts} documents have the text of another document."
        )
    if not scan.is_whole:
        yield findings.Finding(
            findings.NOTE,
            f"Only the first {scan.documents} documents were looked at, so answers and documents"
            " that were not found may be in the rest.",
        )


def of_questions(
    name: str, scan: corpus_scan.QuestionScan, *, is_whole: bool, is_learnt_from: bool
) -> Iterator[findings.Finding]:
    """What is wrong with a file of questions.

    Args:
      name: Name of the file for messages, e.g. "training".
      scan: What of them was found in the corpus.
      is_whole: Whether the corpus was read to its end.
      is_learnt_from: Whether these are the training questions.
    """
    searched = len(scan.questions)
    if searched < scan.num_questions:
        yield findings.Finding(
            findings.NOTE,
            f"Of the {scan.num_questions} {name} questions {searched} were searched for, because"
            " many have regular expressions.",
        )
    lost = searched - len(scan.found)
    if lost == searched:
        nothing = (
            "nothing could be learnt from them" if is_learnt_from else "every figure will be 0"
        )
        level = findings.ERROR if is_learnt_from and is_whole else findings.WARNING
        yield findings.Finding(
            level,
            f"No answer of the {searched} {name} questions is in the text of a document, so"
            f" {nothing}. {_example(scan)} Are corpus and questions those that belong together?",
        )
    elif lost > _MANY * searched:
        yield _warning(
            f"The answers of {lost} of {searched} {name} questions ({lost / searched:.0%}) are in"
            f" no document: they cannot be found. {_example(scan)}"
        )
    yield from _of_gold(name, scan, is_whole)


def of_both(
    train: corpus_scan.QuestionScan, dev: corpus_scan.QuestionScan
) -> Iterator[findings.Finding]:
    """What training and dev questions have in common, and what is there twice."""
    asked = [_plain(question.question) for question in train.questions]
    if repeated := len(asked) - len(set(asked)):
        yield findings.Finding(
            findings.NOTE, f"{repeated} training questions repeat another word by word."
        )
    if shared := sum(_plain(question.question) in set(asked) for question in dev.questions):
        yield _warning(
            f"{shared} dev questions are training questions, too: figures will be too good."
        )


def _of_gold(
    name: str, scan: corpus_scan.QuestionScan, is_whole: bool
) -> Iterator[findings.Finding]:
    named = [number for number, question in enumerate(scan.questions) if question.doc_ids]
    missing = [number for number in named if number not in scan.gold]
    if missing and is_whole:
        first = scan.questions[missing[0]]
        yield _warning(
            f"The documents that {len(missing)} of {len(named)} {name} questions name are not in"
            f" the corpus; the first: {first.doc_ids[0]!r} of question {first.question_id!r}."
        )
    without = len(scan.gold) - len(scan.gold_with_answer)
    if without > _MANY * len(scan.gold):
        yield _warning(
            f"The documents that {without} of {len(scan.gold)} {name} questions name do not hold"
            " their answers."
        )


def _example(scan: corpus_scan.QuestionScan) -> str:
    number = next(n for n in range(len(scan.questions)) if n not in scan.found)
    question = scan.questions[number]
    return f"The first: {question.answers[0]!r}, of question {question.question_id!r}."


def _plain(question: str) -> str:
    return " ".join(question.lower().split())


def _error(message: str) -> findings.Finding:
    return findings.Finding(findings.ERROR, message)


def _warning(message: str) -> findings.Finding:
    return findings.Finding(findings.WARNING, message)
