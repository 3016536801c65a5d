# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""One way into corpora of any format."""

import json
import logging

import pytest

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import records
from tests.beam_jobs import documents, reference_corpora


def test_texts_to_learn_a_vocabulary_from(tmp_path):
    rows = documents.records(3)
    lines = documents.write(tmp_path / "a.jsonl", rows)
    assert list(corpus_formats.texts(lines, "jsonl")) == [
        f"{row['title']} {row['text']}"
        for row in rows[:2]  # the last one has no text
    ]
    expected = [f"{title} {text}" for title, text in reference_corpora.BLOCKS]
    assert list(corpus_formats.texts(reference_corpora.write_orqa(tmp_path), "orqa")) == expected
    shards = reference_corpora.write_realm_blocks(tmp_path)
    assert list(corpus_formats.texts(shards, "realm-blocks")) == expected


def test_texts_pass_over_what_cannot_be_read_and_say_so(tmp_path, caplog):
    path = documents.write(tmp_path / "a.jsonl", ["{", {"id": "1", "text": "a"}, "["])
    with caplog.at_level(logging.WARNING):
        assert list(corpus_formats.texts(path, "jsonl", pass_over_bad=True)) == [" a"]
    assert f"passed over: {path}:1: invalid JSON" in caplog.text
    assert "2 records were passed over" in caplog.text
    with pytest.raises(types.UserError, match=r"a\.jsonl:1: invalid JSON"):
        list(corpus_formats.texts(path, "jsonl"))


def test_fingerprint_is_of_contents_and_of_how_they_are_read(tmp_path):
    documents.write(tmp_path / "a.jsonl", [{"id": "1", "text": "a"}])
    documents.write(tmp_path / "b.jsonl", [{"id": "2", "text": "b"}])
    (tmp_path / "other").mkdir()
    documents.write(tmp_path / "other" / "x.jsonl", [{"id": "2", "text": "b"}])
    documents.write(tmp_path / "other" / "y.jsonl", [{"id": "1", "text": "a"}])

    def fingerprint(folder, **options):
        config = config_lib.CorpusConfig(**options)
        return corpus_formats.fingerprint(str(folder / "*.jsonl"), "jsonl", config)

    first = fingerprint(tmp_path)
    assert fingerprint(tmp_path / "other") == first
    assert fingerprint(tmp_path, split_mb=1) == first
    assert fingerprint(tmp_path, min_words=1) != first
    documents.write(tmp_path / "other" / "y.jsonl", [{"id": "1", "text": "c"}])
    assert fingerprint(tmp_path / "other") != first
    blocks = reference_corpora.write_orqa(tmp_path)
    assert corpus_formats.fingerprint(blocks, "orqa") != first


def test_check_refuses_what_is_not_there(tmp_path):
    with pytest.raises(types.UserError, match="The format must be auto, jsonl, "):
        corpus_formats.check("*", "docx")
    for fmt in corpus_formats.FORMATS:
        with pytest.raises(types.UserError, match="No file matches"):
            corpus_formats.check(str(tmp_path / "*"), fmt)
    with pytest.raises(types.UserError, match="Received: 'realm-pretrain'"):
        corpus_formats.check("*", "realm-pretrain", corpus_formats.BLOCK_FORMATS)
    with pytest.raises(types.UserError, match="No such file"):
        list(corpus_formats.read_unit(records.Unit(str(tmp_path / "a.jsonl")), "jsonl"))


def test_rules_for_every_format(tmp_path):
    rows = [
        {"id": "1", "text": " \0\n"},
        {"id": "2", "text": "two words"},
        {"id": "3", "text": "a b c"},
    ]
    path = documents.write(tmp_path / "a.jsonl", rows)
    found = corpus_formats.read_unit(
        records.Unit(path), "jsonl", config_lib.CorpusConfig(min_words=3)
    )
    assert [f.reason if isinstance(f, records.Dropped) else f.doc_id for f in found] == [
        "no_text",
        "near_empty",
        "3",
    ]


@pytest.mark.parametrize(
    "text", ["山田町は川の北にある。", "王小明是阿爾多市長。", "เกาะสมุยสวยมาก", "ក្រុងសៀមរាបនៅ"]
)
def test_words_of_scripts_without_white_space_count(tmp_path, text):
    """A stub of few words is left out in any script, and a text of many stays."""
    rows = [{"id": "stub", "text": text}, {"id": "whole", "text": text * 4}]
    path = documents.write(tmp_path / "a.jsonl", rows)
    options = config_lib.CorpusConfig(min_words=20)
    stub, whole = corpus_formats.read_unit(records.Unit(path), "jsonl", options)
    assert stub.reason == "near_empty"
    assert whole.doc_id == "whole"


@pytest.mark.parametrize(
    ("name", "fmt"),
    [
        ("a.jsonl", "jsonl"),
        ("a.ndjson.bz2", "jsonl"),
        ("a.csv.gz", "csv"),
        ("a.tsv", "tsv"),
        ("part-0.parquet", "parquet"),
        ("dewiki-20240101-pages-articles-multistream.xml.bz2", "wikipedia"),
        ("enwiki-latest-pages-articles1.xml-p10p30302.bz2", "wikipedia"),
        ("wiki_07.bz2", "wikiextractor"),
        ("a b.txt", "text"),
    ],
)
def test_names_tell_the_format(name, fmt):
    path = f"/corpus/{name}"
    number = {"parquet": f"{path}: row 3", "wikipedia": f"{path}: page 3", "text": path}
    assert corpus_formats.place("auto", path, 3) == number.get(fmt, f"{path}:3")
    assert corpus_formats.place(fmt, path, 3) == corpus_formats.place("auto", path, 3)
    assert corpus_formats.place("auto", path, 0) == path


def test_names_that_do_not_tell_or_tell_another_format(tmp_path):
    documents.write(tmp_path / "a.json", [])
    with pytest.raises(types.UserError, match=r"a\.json does not tell its format. Valid: jsonl"):
        corpus_formats.check(str(tmp_path), "auto")
    documents.write(tmp_path / "b.csv", [])
    with pytest.raises(types.UserError, match=r"b\.csv is that of a csv file\. .* --format csv"):
        corpus_formats.units(str(tmp_path / "b.csv"), "jsonl")
    assert corpus_formats.units(str(tmp_path / "a.json"), "jsonl")


def test_ready_blocks_are_documents_with_their_parts(tmp_path):
    pattern = reference_corpora.write_orqa(tmp_path)
    (unit,) = corpus_formats.units(pattern, "orqa")
    found = list(corpus_formats.read_unit(unit, "orqa"))
    assert [(d.title, d.text) for d in found] == list(reference_corpora.BLOCKS)
    assert [d.number for d in found] == list(range(len(found)))
    assert {frozenset(json.loads(d.metadata)) for d in found} == {
        frozenset({"ids_key", "sentences", "spans"})
    }


@pytest.mark.parametrize("name", ["a.md", "b.rst", "c.markdown.gz"])
def test_marked_up_texts_are_no_json(tmp_path, name):
    (tmp_path / name).write_text("# A title")
    with pytest.raises(types.UserError, match=r"is that of a text file\. Give --format text"):
        corpus_formats.check(str(tmp_path), "jsonl")
    with pytest.raises(types.UserError, match=r"does not tell its format.* need --format text\."):
        corpus_formats.check(str(tmp_path), "auto")
    corpus_formats.check(str(tmp_path), "text")


def test_hidden_files_are_no_part_of_a_corpus(tmp_path):
    path = documents.write(tmp_path / "a.jsonl", [{"id": "1", "text": "a"}])
    alone = corpus_formats.fingerprint(str(tmp_path), "jsonl")
    for name in ("_SUCCESS", ".a.jsonl.crc", ".DS_Store", "._a.jsonl"):
        (tmp_path / name).write_bytes(b"\0\xff")
    assert corpus_formats.fingerprint(str(tmp_path), "jsonl") == alone
    for fmt in ("auto", "jsonl"):
        assert [unit.file for unit in corpus_formats.units(str(tmp_path), fmt)] == [path]


def test_entities_by_format_and_option(tmp_path):
    path = documents.write(tmp_path / "wiki_00", [{"id": "1", "text": "a &lt; b " * 20}])
    other = documents.write(tmp_path / "a.jsonl", [{"id": "1", "text": "a &lt; b"}])
    (wiki,) = corpus_formats.read_unit(records.Unit(path), "wikiextractor")
    (plain,) = corpus_formats.read_unit(records.Unit(other), "jsonl")
    corpus_config = config_lib.CorpusConfig(unescape_html=True)
    (unescaped,) = corpus_formats.read_unit(records.Unit(other), "jsonl", corpus_config)
    assert (wiki.text[:5], plain.text, unescaped.text) == ("a < b", "a &lt; b", "a < b")


def test_a_value_of_another_type_is_a_problem_with_its_place(tmp_path):
    rows = [
        {"id": "1", "text": "a", "year": 2020, "updated": None},
        {"id": "2", "text": "b", "year": "soon"},
        {"id": "3", "text": "c", "updated": "2024-31-05"},
        {"id": "4", "text": "d"},
    ]
    path = documents.write(tmp_path / "a.jsonl", rows)
    reading = config_lib.CorpusConfig(metadata_fields={"year": "number", "updated": "date"})
    (unit,) = corpus_formats.units(path, "jsonl")
    first, *bad, last = corpus_formats.read_unit(unit, "jsonl", reading)
    assert (first.doc_id, last.doc_id) == ("1", "4")
    assert [problem.message for problem in bad] == [
        f'{path}:2: "year" is of the type number in corpus.metadata_fields: it must be a number.'
        " Received: 'soon'.",
        f'{path}:3: "updated" is of the type date in corpus.metadata_fields: it must be a date as'
        " in ISO 8601, such as \"2024-05-31\". Received: '2024-31-05'.",
    ]
    plain = corpus_formats.fingerprint(path, "jsonl")
    assert corpus_formats.fingerprint(path, "jsonl", reading) != plain
    assert corpus_formats.fingerprint(path, "jsonl", config_lib.CorpusConfig()) == plain
