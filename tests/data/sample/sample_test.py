# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""The bundled sample: what is committed is what its tables say, and keeps its promises."""

import collections
import gzip
import json
import pathlib
import subprocess
import sys

import pytest

from realm_tf.data.sample.generator import articles, facts, generate, questions, wording

MIN_ARTICLES, MIN_QUESTIONS = 1500, 3000
MAX_WORDS = 130


@pytest.fixture(scope="module")
def tables():
    return facts.load()


@pytest.fixture(scope="module")
def corpus(tables):
    return articles.assemble(tables)


@pytest.fixture(scope="module")
def asked(tables, corpus):
    return questions.ask(tables, corpus)


def _write_kind(folder: pathlib.Path, kind: str, header: str, *lines: str, target="null") -> None:
    table = "\n".join([header, *lines]) + "\n"
    (folder / f"{kind}.tsv").write_text(table.replace("|", "\t"), encoding="utf-8")
    (folder / f"{kind}.yaml").write_text(f"""
kind: {kind}
relations:
  - column: home
    target: {target}
    also: [home]
    subject: ["{{name}} lives in {{value}}.", "{{value}} houses {{name}}.", "{{name}}: {{value}}."]
    object: ["In {{value}} lives {{name}}.", "At {{value}} is {{name}}.", "{{value}}, {{name}}."]
    questions: ["Where is {{name}}?", "Where lives {{name}}?", "Which is the home of {{name}}?"]
""")


def test_committed_files_are_what_the_tables_say():
    contents = {n: generate.to_jsonl(r) for n, r in generate.records(facts.load()).items()}
    assert generate.stale(contents) == []


def test_check_notices_a_changed_file(tmp_path):
    generate.write(tmp_path / "a.gz", b"one\n")
    assert generate.stale({"a.gz": b"one\n"}, tmp_path) == []
    assert generate.stale({"a.gz": b"two\n", "b.gz": b""}, tmp_path) == ["a.gz", "b.gz"]


def test_written_bytes_hold_neither_time_nor_name(tmp_path):
    generate.write(tmp_path / "a.gz", b"content\n")
    generate.write(tmp_path / "b.gz", b"content\n")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    for path in generate.FOLDER.glob("*.gz"):
        assert path.read_bytes()[4:8] == bytes(4), path


def test_generator_imports_no_tensorflow():
    code = (
        "import sys, realm_tf.data.sample.generator.generate; "
        "sys.exit(any(name.split('.')[0] == 'tensorflow' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_counts(corpus, asked):
    assert len(corpus) >= MIN_ARTICLES
    assert len(asked) >= MIN_QUESTIONS
    splits = collections.Counter(question.split for question in asked)
    assert all(splits[split] >= 300 for split in questions.SPLITS), splits


def test_records_have_unique_ids_and_the_documented_fields():
    fields = {"corpus": ["id", "title", "text"]}
    seen = set()
    for path in sorted(generate.FOLDER.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        expected = fields.get(path.name.split(".")[0], ["id", "question", "answers", "doc_ids"])
        assert all(list(line) == expected for line in lines), path
        ids = [line["id"] for line in lines]
        assert len(set(ids)) == len(ids), path
        assert seen.isdisjoint(ids), path
        assert all(i.isascii() for i in ids)
        seen.update(ids)


def test_articles_are_neither_long_nor_short(corpus):
    for article in corpus:
        assert len(article.text.split()) <= MAX_WORDS, article
        assert len(article.sentences) >= articles.MIN_SENTENCES, article
        texts = [sentence.text for sentence in article.sentences]
        assert len(set(texts)) == len(texts), article


def test_every_answer_is_told_in_two_articles_in_different_words(corpus, asked):
    by_id = {article.id: article for article in corpus}
    for question in asked:
        telling = [
            sentence.text
            for doc_id in question.doc_ids
            for sentence in by_id[doc_id].sentences
            if any(answer in sentence.text for answer in question.answers)
        ]
        assert len(question.doc_ids) >= 2, question
        assert len(set(telling)) >= 2, question
        for doc_id in question.doc_ids:
            assert any(answer in by_id[doc_id].text for answer in question.answers), question


def test_no_train_question_touches_an_article_of_dev_or_test(tables, asked):
    held_out = {wording.display(q.subject) for q in asked if q.split != "train"}
    pattern = questions.mentions(questions.asked_titles(tables))
    for question in asked:
        if question.split == "train":
            touched = {wording.display(question.subject), *pattern.findall(question.question)}
            assert touched.isdisjoint(held_out), question


def test_dev_and_test_share_no_article(asked):
    subjects = {s: {q.subject for q in asked if q.split == s} for s in questions.SPLITS}
    assert subjects["dev"].isdisjoint(subjects["test"])


def test_no_train_question_asks_a_held_out_fact_backwards(tables, asked):
    by_name = collections.defaultdict(list)
    for row in tables.rows.values():
        by_name[wording.display(row.name)].append(row)
    for question in asked:
        if question.split != "train" or question.role != "questions":
            continue
        for row in (row for answer in question.answers for row in by_name[answer]):
            told_back = any(question.subject in cell for cell in row.cells.values())
            named = row.name in tables.rows[question.subject].cells[question.relation.split("/")[1]]
            held_out = questions.split_of(row.name) != "train"
            assert not (told_back and named and held_out), question


def test_no_answer_is_asked_for_too_often(asked):
    counts = collections.Counter(question.answers[0] for question in asked)
    assert max(counts.values()) <= questions.MAX_PER_ANSWER


def test_no_question_holds_its_answer(asked):
    assert not [q for q in asked if any(answer in q.question for answer in q.answers)]


def test_each_relation_uses_three_wordings(tables, corpus, asked):
    used = collections.defaultdict(set)
    for sentence in (sentence for article in corpus for sentence in article.sentences):
        kind_row, _, column = sentence.fact.rpartition("/")
        used[kind_row.split("/")[0], column, sentence.role].add(sentence.wording)
    for question in asked:
        used[(*question.relation.split("/"), question.role)].add(question.wording)
    facts_of = collections.Counter((f.row.kind, f.relation.column) for f in tables.facts())
    for (kind, column), count in facts_of.items():
        if count >= 15:  # Smaller relations may lack a row for a wording that needs other cells.
            for role in ("subject", "object"):
                assert len(used[kind, column, role]) >= 3, (kind, column, role)
        if count >= 60:  # Continents and the like are hardly asked for.
            asked_once = used[kind, column, "questions"]
            assert len(asked_once) >= 3 or column in ("continent", "orbits"), (kind, column)


def test_names_are_written_with_their_article():
    tables = facts.load()
    assert wording.mention("Rhine", tables) == "the Rhine"
    assert wording.mention("Niger (river)", tables) == "the Niger"
    assert wording.mention("Niger", tables) == "Niger"
    row = tables.rows["Amsterdam"]
    country = row.cells["country"]
    assert wording.fill("{name}: the {value}.", row, tables, values=country).count("the ") == 1
    assert wording.fill("{value} has {name}.", row, tables, values=country).startswith("The Neth")


def test_order_of_rows_does_not_matter(tables, corpus):
    kinds = {
        name: facts.dataclasses.replace(kind, rows=tuple(reversed(kind.rows)))
        for name, kind in reversed(tables.kinds.items())
    }
    turned = articles.assemble(facts.Tables(kinds, dict(reversed(tables.rows.items()))))
    assert turned == corpus


@pytest.mark.parametrize(
    ("line", "target", "message"),
    [
        ("Ann|Nowhere", "house", "no article has this title"),
        ("Ann|Bob", "house", "it is a person"),
        ("Ann|House ", "house", "stray blanks"),
        ("Ann", "house", "2 cells expected"),
        ("Bob|House", "house", "stands in"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, line, target, message):
    _write_kind(tmp_path, "house", "name|home", "House|", target="house")
    _write_kind(tmp_path, "person", "name|home", "Bob|House", line, target=target)
    with pytest.raises(facts.FactsError, match=message):
        facts.load(tmp_path)


def test_too_few_wordings_are_refused(tmp_path):
    _write_kind(tmp_path, "house", "name|home", "House|")
    path = tmp_path / "house.yaml"
    path.write_text(path.read_text().replace(', "Where lives {name}?"', ""))
    with pytest.raises(facts.FactsError, match="at least 3"):
        facts.load(tmp_path)


def test_unknown_placeholders_are_refused(tmp_path):
    _write_kind(tmp_path, "house", "name|home", "House|")
    path = tmp_path / "house.yaml"
    path.write_text(path.read_text().replace("Where lives {name}", "Where lives {nmae}"))
    with pytest.raises(facts.FactsError, match="nmae"):
        facts.load(tmp_path)
