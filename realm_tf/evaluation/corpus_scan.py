# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One pass over a corpus and its questions: what is there, what is twice, what is found where."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence

from realm_tf import types
from realm_tf.data.corpus import records
from realm_tf.data.questions import answer_search
from realm_tf.data.questions import questions as questions_lib
from realm_tf.text import answer_matching, words

_SAMPLE = 1000  # documents, and questions with their evidence, whose wordpieces are counted
_MOST_PATTERNS = 50  # questions with regular expressions, which are searched for one by one


@dataclasses.dataclass
class QuestionScan:
    """What a corpus holds of one file of questions.

    Attributes:
      questions: The questions that were searched for: all, but of those with regular expressions
        an even sample.
      num_questions: Number of questions in the file.
      found: Places in `questions` of those whose answer is in a document.
      gold: Places of those that name a document that is in the corpus.
      gold_with_answer: Places of those whose named document holds an answer.
      evidence: For an even sample of the questions, by place: a document that holds an answer; the
        named one where that does.
    """

    questions: Sequence[questions_lib.Question]
    num_questions: int
    found: set[int] = dataclasses.field(default_factory=set)
    gold: set[int] = dataclasses.field(default_factory=set)
    gold_with_answer: set[int] = dataclasses.field(default_factory=set)
    evidence: dict[int, types.Document] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class CorpusScan:
    """What a corpus holds.

    Attributes:
      documents: Number of documents that were read.
      words: Number of their words.
      dropped: Number of records that a rule left out, by reason.
      problems: Number of records that could not be read.
      first_problem: What the first of them said.
      repeated_ids: Number of documents whose id an earlier one has.
      repeated_texts: Number of documents whose text an earlier one has.
      is_whole: Whether the corpus was read to its end.
      sample: Documents drawn at random, to count their wordpieces.
    """

    documents: int = 0
    words: int = 0
    dropped: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    problems: int = 0
    first_problem: str | None = None
    repeated_ids: int = 0
    repeated_texts: int = 0
    is_whole: bool = True
    sample: list[types.Document] = dataclasses.field(default_factory=list)


class Scanner:
    """Looks at documents one by one.

    Args:
      files: Questions of every file by its name, e.g. "train" and "dev".
    """

    def __init__(self, files: Mapping[str, Sequence[questions_lib.Question]]):
        self.corpus = CorpusScan()
        self.questions = {
            name: QuestionScan(_searched(questions), len(questions))
            for name, questions in files.items()
        }
        self._lookouts = [_Lookout(scan) for scan in self.questions.values()]
        self._random = random.Random(0)
        self._ids: set[str] = set()
        self._texts: set[bytes] = set()

    def read(
        self, found: Iterable[types.Document | records.Dropped | records.Problem], most: int
    ) -> None:
        """Reads the records of a corpus, at most so many documents."""
        scan = self.corpus
        for record in found:
            if isinstance(record, records.Dropped):
                scan.dropped[record.reason] += 1
            elif isinstance(record, records.Problem):
                scan.problems += 1
                scan.first_problem = scan.first_problem or record.message
            elif scan.documents == most:
                scan.is_whole = False
                return
            else:
                self._read(record)

    def _read(self, document: types.Document) -> None:
        scan = self.corpus
        scan.documents += 1
        scan.words += words.count(document.text)
        scan.repeated_ids += document.doc_id in self._ids
        self._ids.add(document.doc_id)
        text = hashlib.blake2b(" ".join(document.text.split()).encode(), digest_size=8).digest()
        scan.repeated_texts += text in self._texts
        self._texts.add(text)
        if len(scan.sample) < _SAMPLE:
            scan.sample.append(document)
        elif (place := self._random.randrange(scan.documents)) < _SAMPLE:
            scan.sample[place] = document
        comparable = answer_matching.comparable_words(document.text)
        for lookout in self._lookouts:
            lookout.read(document, comparable)


class _Lookout:
    """Looks for the answers of one file of questions."""

    def __init__(self, scan: QuestionScan):
        self._scan = scan
        self._search = answer_search.AnswerSearch(scan.questions)
        self._askers: dict[int, set[int]] = {}
        for number, question in enumerate(scan.questions):
            for answer in self._search.of(question):
                self._askers.setdefault(answer, set()).add(number)
        self._by_document: dict[str, set[int]] = {}
        for number, question in enumerate(scan.questions):
            for doc_id in question.doc_ids:
                self._by_document.setdefault(doc_id, set()).add(number)
        step = max(1, len(scan.questions) // _SAMPLE)
        self._sampled = set(range(0, len(scan.questions), step)[:_SAMPLE])

    def read(self, document: types.Document, comparable: Sequence[str]) -> None:
        scan = self._scan
        answers = self._search.find(document.text, comparable)
        self._search.forget_patterns(answers)
        found = {number for answer in answers for number in self._askers[answer]}
        named = self._by_document.get(document.doc_id, set())
        scan.found |= found
        scan.gold |= named
        scan.gold_with_answer |= named & found | {n for n in named if self._matches(n, document)}
        for number in found & self._sampled:
            if number in named or number not in scan.evidence:
                scan.evidence[number] = document

    def _matches(self, number: int, document: types.Document) -> bool:
        """Whether a regular expression, which may have been found before, is in its document."""
        question = self._scan.questions[number]
        if not question.is_regex:
            return False
        return answer_matching.regex_contains(document.text, question.answers)


def _searched(questions: Sequence[questions_lib.Question]) -> Sequence[questions_lib.Question]:
    patterns = [question for question in questions if question.is_regex]
    if len(patterns) <= _MOST_PATTERNS:
        return questions
    kept = patterns[:: -(-len(patterns) // _MOST_PATTERNS)]
    return [question for question in questions if not question.is_regex] + kept
