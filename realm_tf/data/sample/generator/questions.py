# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes questions from the facts, and splits them so that dev and test need the corpus.

Every title belongs to one split, drawn from its hash. A question belongs to the split of the row
whose fact it asks for, and is dropped if it mentions a title of another split.
"""

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence

from realm_tf.data.sample.generator import articles, draws, facts, wording

SPLITS = ("train", "dev", "test")
MAX_PER_ANSWER = 20
_DEV_PERCENT, _TEST_PERCENT = 15, 15


@dataclasses.dataclass(frozen=True)
class Question:
    """A sample question; every article of `doc_ids` holds one of its `answers`."""

    id: str
    question: str
    answers: tuple[str, ...]
    doc_ids: tuple[str, ...]
    split: str
    subject: str
    relation: str
    role: str
    wording: int


def split_of(title: str) -> str:
    """The split of an article; titles that are displayed alike share theirs."""
    percent = draws.draw("split", wording.display(title)) % 100
    if percent < _TEST_PERCENT:
        return "test"
    return "dev" if percent < _TEST_PERCENT + _DEV_PERCENT else "train"


def asked_titles(tables: facts.Tables) -> set[str]:
    """The displayed titles that questions ask about: of articles with facts of their own."""
    return {wording.display(fact.row.name) for fact in tables.facts()}


def mentions(titles: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds titles of articles in a question or a text, the longest first."""
    longest = sorted(titles, key=lambda title: (-len(title), title))
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest)) + r")(?!\w)")


def ask(tables: facts.Tables, corpus: Sequence[articles.Article]) -> list[Question]:
    """All questions of the sample, sorted by split and id."""
    where = _told_in(corpus)
    shared = _shared_names(tables)
    candidates = [
        question
        for fact in tables.facts()
        if (fact.row.kind, wording.display(fact.row.name)) not in shared
        and not _told_back(fact, tables)
        for question in _about(fact, tables, where)
    ]
    pattern = mentions(asked_titles(tables))
    kept = [question for question in candidates if _keeps_to_its_split(question, pattern)]
    kept = _cap([question for question in kept if len(question.doc_ids) > 1])
    return sorted(kept, key=lambda question: (SPLITS.index(question.split), question.id))


def _shared_names(tables: facts.Tables) -> set[tuple[str, str]]:
    """(kind, displayed name) of the rows that a question could not tell apart."""
    counts = collections.Counter(
        (row.kind, wording.display(row.name)) for row in tables.rows.values()
    )
    return {name for name, count in counts.items() if count > 1}


def _told_back(fact: facts.Fact, tables: facts.Tables) -> bool:
    """Whether a train fact is, read backwards, one of a dev or test article.

    A lake's row names the river that drains it, and the river's row the lake that it comes from.
    """
    if split_of(fact.row.name) != "train":
        return False
    linked = [tables.rows[value] for value in fact.values if value in tables.rows]
    return any(
        split_of(row.name) != "train" and any(fact.row.name in cell for cell in row.cells.values())
        for row in linked
    )


def _told_in(corpus: Sequence[articles.Article]) -> dict[str, list[articles.Article]]:
    where: dict[str, list[articles.Article]] = collections.defaultdict(list)
    for article in corpus:
        for fact in dict.fromkeys(sentence.fact for sentence in article.sentences):
            where[fact].append(article)
    return where


def _about(
    fact: facts.Fact, tables: facts.Tables, where: Mapping[str, Sequence[articles.Article]]
) -> list[Question]:
    """The questions about one fact: two direct ones in train, one else, and the inverse one."""
    told = where[fact.key]
    split = split_of(fact.row.name)
    direct = _wordings("questions", fact, count=2 if split == "train" else 1)
    asked = [(role, index, fact.values) for role, index in direct]
    if _is_single(fact, tables):
        inverse = _wordings("inverse_questions", fact, count=1)
        asked += [(role, index, (fact.row.name,)) for role, index in inverse]
    questions = []
    for role, index, values in asked:
        text = wording.fill(getattr(fact.relation, role)[index], fact.row, tables,
                            values=fact.values)  # fmt: skip
        answers = tuple(wording.display(value) for value in values)
        doc_ids = [article.id for article in told if _answered(fact, article, answers)]
        if text is not None:
            identity = f"{fact.row.kind}-{articles.slug(fact.row.name)}-{fact.relation.column}"
            questions.append(Question(
                f"{identity}-{'q' if role == 'questions' else 'i'}{index + 1}", text, answers,
                tuple(doc_ids), split, fact.row.name,
                f"{fact.row.kind}/{fact.relation.column}", role, index,
            ))  # fmt: skip
    return questions


def _wordings(role: str, fact: facts.Fact, *, count: int) -> list[tuple[str, int]]:
    """(role, index of the wording) of `count` wordings, drawn from the fact's key."""
    total = len(getattr(fact.relation, role))
    first = draws.draw(role, fact.key)
    return [(role, (first + step) % total) for step in range(min(count, total))]


def _is_single(fact: facts.Fact, tables: facts.Tables) -> bool:
    """Whether the row is the only one of its table with this value."""
    rows = tables.kinds[fact.row.kind].rows
    same = [row for row in rows if set(row.cells[fact.relation.column]) & set(fact.values)]
    return len(fact.values) == 1 and len(same) == 1


def _answered(fact: facts.Fact, article: articles.Article, answers: Sequence[str]) -> bool:
    """Whether one of the article's sentences of this fact holds an answer."""
    told = [sentence.text for sentence in article.sentences if sentence.fact == fact.key]
    return any(answer in text for answer in answers for text in told)


def _keeps_to_its_split(question: Question, pattern: re.Pattern[str]) -> bool:
    """Whether all titles in the question belong to its split and no answer stands in it."""
    titles = pattern.findall(question.question)
    hidden = not any(answer in question.question for answer in question.answers)
    return hidden and all(split_of(title) == question.split for title in titles)


def _cap(questions: Sequence[Question]) -> list[Question]:
    """Keeps at most `MAX_PER_ANSWER` questions with the same first answer."""
    counts: collections.Counter[str] = collections.Counter()
    kept = []
    for question in draws.shuffled("cap", questions, lambda question: question.id):
        counts[question.answers[0]] += 1
        if counts[question.answers[0]] <= MAX_PER_ANSWER:
            kept.append(question)
    return kept
