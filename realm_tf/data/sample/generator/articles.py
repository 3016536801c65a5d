# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Assembles the sample's articles: every fact is told in two of them, in different words.

A row's article holds the sentences about the row, and then those of other rows' facts that point
at it. What does not fit goes to companion articles such as "Cities of France".
"""

import collections
import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from realm_tf.data.sample.generator import draws, facts, wording

MAX_SENTENCES = 10
MAX_WORDS = 110
MIN_SENTENCES = 2
MIN_FACTS_OF_YEAR = 3
_LETTERS = str.maketrans({"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ß": "ss", "đ": "d", "Đ": "D",
                          "\u0131": "i", "æ": "ae", "Æ": "Ae", "œ": "oe", "ð": "d", "þ": "th",
                          "ə": "e", "Ə": "E", "Þ": "Th"})  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A sentence of a sample article, with the key of its fact (empty in definitions)."""

    text: str
    fact: str
    role: str
    wording: int
    kind: str

    @property
    def words(self) -> int:
        """The number of words."""
        return len(self.text.split())


@dataclasses.dataclass(frozen=True)
class Article:
    """An article of the sample corpus: its title and its sentences."""

    id: str
    title: str
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The sentences, joined."""
        return " ".join(sentence.text for sentence in self.sentences)


def slug(title: str) -> str:
    """The title in lower-case ASCII letters, digits and hyphens."""
    folded = unicodedata.normalize("NFKD", title.translate(_LETTERS))
    ascii_only = folded.encode("ascii", "ignore").decode().lower().replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def _ranks(tables: facts.Tables, role: str) -> dict[str, int]:
    """A number for every fact, counted per relation in a drawn order: wordings take turns."""
    grouped = collections.defaultdict(list)
    for fact in tables.facts():
        grouped[fact.row.kind, fact.relation.column].append(fact.key)
    ordered = (draws.shuffled(role, keys, str) for keys in grouped.values())
    return {key: rank for keys in ordered for rank, key in enumerate(keys)}


def year_pages(tables: facts.Tables) -> dict[int, str]:
    """The title of the page on which each year's facts are told: year, decade or century."""
    counts = collections.Counter(
        year for fact in tables.facts() for title in articles_that_repeat(fact, tables)
        if title not in tables.rows and (year := facts.year_of(title)) is not None
    )  # fmt: skip
    pages = {year: str(year) for year in counts if year > 0 and counts[year] >= MIN_FACTS_OF_YEAR}
    for title in (_decade, _century):
        sums: collections.Counter[str] = collections.Counter()
        for year in counts.keys() - pages.keys():
            sums[title(year)] += counts[year]
        for year in counts.keys() - pages.keys():
            if sums[title(year)] >= MIN_FACTS_OF_YEAR or title is _century:
                pages[year] = title(year)
    return pages


def _decade(year: int) -> str:
    return f"{year // 10 * 10}s" if year >= 1000 else _century(year)


def _century(year: int) -> str:
    number = (abs(year) - 1) // 100 + 1
    suffix = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix} century" + (" BC" if year < 0 else "")


def articles_that_repeat(fact: facts.Fact, tables: facts.Tables) -> list[str]:
    """Titles (or years) of the articles in which the fact is told a second time."""
    titles = list(fact.values) if fact.relation.target else []
    for column in fact.relation.also:
        titles += [title for title in fact.row.cells[column]
                   if title in tables.rows or facts.year_of(title) is not None]  # fmt: skip
    return list(dict.fromkeys(titles))


def assemble(tables: facts.Tables) -> list[Article]:
    """All articles of the sample corpus, sorted by id.

    Raises:
        facts.FactsError: two articles have the same id, or one is too short.
    """
    told = _object_sentences(tables)
    subject_ranks = _ranks(tables, "subject")
    articles = []
    for row in tables.rows.values():
        own = _subject_sentences(row, tables, subject_ranks)
        identity = f"{row.kind}-{slug(row.name)}"
        articles += _pack(identity, row.name, own, told.pop(row.name, []), tables)
    for title, sentences in told.items():
        articles += _pack(f"year-{slug(title)}", title, [], sentences, tables)
    articles = [_lengthen(article, tables) for article in articles]
    _check(articles)
    return sorted(articles, key=lambda article: article.id)


def _subject_sentences(
    row: facts.Row, tables: facts.Tables, order: Mapping[str, int]
) -> list[Sentence]:
    """The first relation or the definition first, then the others in a drawn order."""
    kind, sentences = tables.kinds[row.kind], []
    if kind.definition:
        rank = draws.draw("definition", row.name)
        index, text = wording.choose(kind.definition, row, tables, rank=rank)
        sentences.append(Sentence(text, "", "definition", index, row.kind))
    for relation in kind.relations:
        values = row.cells[relation.column]
        if values:
            key = facts.Fact(row, relation, values).key
            index, text = wording.choose(
                relation.subject, row, tables, rank=order[key], values=values
            )
            sentences.append(Sentence(text, key, "subject", index, row.kind))
    rest = draws.shuffled("order", sentences[1:], lambda s: f"{row.name}/{s.fact}")
    return sentences[:1] + rest


def _object_sentences(tables: facts.Tables) -> dict[str, list[Sentence]]:
    """The second tellings, by the title of the article that they belong to."""
    pages, order = year_pages(tables), _ranks(tables, "object")
    told: dict[str, list[Sentence]] = collections.defaultdict(list)
    for fact in tables.facts():
        for title in articles_that_repeat(fact, tables):
            values = [title] if title in fact.values else fact.values
            index, text = wording.choose(
                fact.relation.object, fact.row, tables, rank=order[fact.key], values=values
            )
            year = None if title in tables.rows else facts.year_of(title)
            page = title if year is None else pages[year]
            told[page].append(Sentence(text, fact.key, "object", index, fact.row.kind))
    return {
        title: draws.shuffled(f"told/{title}", sentences, lambda s: s.text)
        for title, sentences in told.items()
    }


def _fits(sentences: Sequence[Sentence]) -> bool:
    words = sum(sentence.words for sentence in sentences)
    return len(sentences) <= MAX_SENTENCES and words <= MAX_WORDS


def _pack(
    identity: str,
    title: str,
    own: list[Sentence],
    others: Iterable[Sentence],
    tables: facts.Tables,
) -> list[Article]:
    """The article of `title`, and companions for what does not fit into it."""
    main, surplus = list(own), []
    for sentence in _take_turns(others):
        if _fits([*main, sentence]):
            main.append(sentence)
        else:
            surplus.append(sentence)
    articles = [Article(identity, title, tuple(main))]
    for name, sentences in _companions(title, surplus, tables):
        articles.append(Article(f"list-{slug(name)}", name, tuple(sentences)))
    return articles


def _take_turns(sentences: Iterable[Sentence]) -> list[Sentence]:
    """Orders sentences so that every kind of fact gets its turn."""
    seen: collections.Counter[str] = collections.Counter()
    turns: list[tuple[int, int, Sentence]] = []
    for sentence in sentences:
        relation = sentence.kind + "/" + sentence.fact.rpartition("/")[2]
        turns.append((seen[relation], len(turns), sentence))
        seen[relation] += 1
    return [sentence for _, _, sentence in sorted(turns, key=lambda turn: turn[:2])]


def _companions(
    title: str, surplus: Sequence[Sentence], tables: facts.Tables
) -> list[tuple[str, list[Sentence]]]:
    """(title, sentences) of the articles that hold the surplus, grouped by kind."""
    groups: dict[str, list[Sentence]] = collections.defaultdict(list)
    for sentence in surplus:
        groups[tables.kinds[sentence.kind].plural if title in tables.rows else ""].append(sentence)
    for plural in [plural for plural, group in groups.items() if len(group) < MIN_SENTENCES]:
        groups["more"] += groups.pop(plural)
    companions = []
    for plural, group in sorted(groups.items()):
        if plural == "":
            base, first = title, 2
        elif plural == "more":
            base, first = f"More about {wording.mention(title, tables)}", 1
        else:
            list_title = tables.kinds[tables.rows[title].kind].list_title
            name = wording.mention(title, tables)
            base, first = list_title.format(plural=plural.capitalize(), name=name), 1
        for number, chunk in enumerate(_chunks(group), start=first):
            companions.append((base if number == 1 else f"{base} ({number})", chunk))
    return companions


def _chunks(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    """Splits sentences into articles of about the same length."""
    words = sum(sentence.words for sentence in sentences)
    count = max(-(-words // (MAX_WORDS - 15)), -(-len(sentences) // (MAX_SENTENCES - 1)))
    return [list(sentences[start::count]) for start in range(count)]


def _lengthen(article: Article, tables: facts.Tables) -> Article:
    """Tells the only sentence of an article once more in another wording."""
    if len(article.sentences) >= MIN_SENTENCES:
        return article
    told = article.sentences[0]
    for fact in tables.facts():
        if fact.key == told.fact:
            wordings = fact.relation.subject if told.role == "subject" else fact.relation.object
            index, text = wording.choose(
                wordings, fact.row, tables, rank=told.wording + 1, values=fact.values
            )
            again = Sentence(text, told.fact, told.role, index, told.kind)
            return dataclasses.replace(article, sentences=(told, again))
    return article


def _check(articles: Sequence[Article]) -> None:
    for attribute in ("id", "title"):
        counts = collections.Counter(getattr(article, attribute) for article in articles)
        if twice := sorted(value for value, count in counts.items() if count > 1):
            raise facts.FactsError(f"Several articles have the same {attribute}: {twice}")
    if short := [a.title for a in articles if len(a.sentences) < MIN_SENTENCES]:
        raise facts.FactsError(f"Articles with one sentence; give them a fact more: {short}")
