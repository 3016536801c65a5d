# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Wikipedia dumps: rules, parts, damage; and the real one, where it is at hand."""

import glob
import itertools
import json
import pathlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mwparserfromhell import parser

from realm_tf import config as config_lib
from realm_tf import types
from realm_tf.data.corpus import formats as corpus_formats
from realm_tf.data.corpus import records
from realm_tf.data.corpus.wiki import wikitext
from tests.data.corpus.readers import dumps, reading

REAL = str(pathlib.Path(__file__).resolve().parents[4] / "shared/data/enwiki_sample/*.bz2")


def test_an_article_becomes_a_document(tmp_path):
    path = dumps.write(tmp_path / "dump.xml", dumps.pages(1))
    (found,) = reading.read(path)
    assert found[:4] == ("1", path, 1, "Town 1")
    assert found.text.startswith("The old town has gates and a murus, which we know")
    assert json.loads(found.metadata) == {"revision": "1001", "timestamp": "2020-01-01T00:00:00Z"}
    assert corpus_formats.place("auto", path, 1) == f"{path}: page 1"


def test_pages_that_are_no_articles_are_dropped_by_reason(tmp_path):
    prose = dumps.PROSE
    made = [
        dumps.page(1, "Old name", "#REDIRECT [[Town]]", redirect="Town"),
        dumps.page(2, "Older name", " #redirect [[Town]]"),
        dumps.page(3, "Talk:Town", prose, ns=1),
        dumps.page(4, "Mercury", prose + "{{Disambiguation|geo}}"),
        dumps.page(5, "Mars (disambiguation)", prose),
        dumps.page(6, "Merkur", prose + "{{Begriffsklärung}}"),
        dumps.page(7, "Venus", prose + "__DISAMBIG__"),
        dumps.page(8, "List of towns", prose),
        dumps.page(9, "Style", "a {b: c}" + prose, model="css"),
        dumps.page(10, "Stub", "A short one. {{Infobox|" + prose + "}}"),
        dumps.page(11, "Empty", ""),
        dumps.page(12, "Listed building", prose + "{{disambiguation needed}}"),
    ]
    path = dumps.write(tmp_path / "dump.xml.bz2", made)
    assert reading.summary(reading.read(path)) == [
        "redirect", "redirect", "namespace", "disambiguation", "disambiguation", "disambiguation",
        "disambiguation", "list", "not_wikitext", "near_empty", "no_text", "12",
    ]  # fmt: skip
    kept = reading.read(
        path, namespaces=(0, 1), drop_disambiguation=False, drop_lists=False, min_words=1
    )
    assert [d.doc_id for d in kept if isinstance(d, types.Document)] == [
        "3", "4", "5", "6", "7", "8", "10", "12",
    ]  # fmt: skip


def test_the_wikis_own_names_of_files_and_categories(tmp_path):
    text = dumps.PROSE + "[[Datei:a.png|mini|Bild]][[Kategorie:Orte]][[Medium:a.ogg]] [[Orte]]."
    path = dumps.write(tmp_path / "dump.xml", [dumps.page(1, "Ort", text)])
    assert reading.read(path)[0].text.endswith("three more. Orte.")


@pytest.mark.parametrize("part", [1, 700, 4096, 10_000_000])
@pytest.mark.parametrize("kind", ["plain", "multistream", "cut", "single"])
def test_every_page_is_in_one_unit_however_it_is_cut(tmp_path, monkeypatch, kind, part):
    made = dumps.pages(60)
    path = {
        "plain": lambda: dumps.write(tmp_path / "d.xml", made),
        "single": lambda: dumps.write(tmp_path / "d.xml.bz2", made),
        "multistream": lambda: dumps.write_multistream(tmp_path / "d.xml.bz2", made, 7),
        "cut": lambda: dumps.write_cut_streams(tmp_path / "d.xml.bz2", made, 500),
    }[kind]()
    monkeypatch.setattr(config_lib.CorpusConfig, "split_bytes", part)
    corpus_config = config_lib.CorpusConfig()
    if (kind, part) == ("plain", 1):
        part = 37  # a unit for every byte would take long
        monkeypatch.setattr(config_lib.CorpusConfig, "split_bytes", part)
    units = corpus_formats.units(path, "wikipedia", corpus_config)
    found = [list(corpus_formats.read_unit(unit, "wikipedia", corpus_config)) for unit in units]
    assert [d.doc_id for part in found for d in part] == [str(n) for n in range(1, 61)]
    assert units == sorted(units)
    if part < 1000 and kind != "single":
        assert len([part for part in found if part]) > 3


@given(cuts=st.lists(st.integers(0, 8_800), max_size=6))
def test_any_ranges_of_bytes_give_every_page_once(tmp_path_factory, cuts):
    path = dumps.write(tmp_path_factory.mktemp("d") / "d.xml", dumps.pages(20))
    borders = [0, *sorted(set(cuts) - {0}), -1]
    units = [records.Unit(path, a, b) for a, b in itertools.pairwise(borders)]
    found = [d for unit in units for d in corpus_formats.read_unit(unit, "wikipedia")]
    assert reading.summary(found) == [str(n) for n in range(1, 21)]


@pytest.mark.parametrize("limit", range(9))
def test_a_unit_may_begin_or_end_inside_a_tag(tmp_path, limit):
    path = dumps.write(tmp_path / "d.xml", dumps.pages(2))
    data = pathlib.Path(path).read_bytes()
    border = data.rindex(b"<page>") + limit
    units = [records.Unit(path, 0, border), records.Unit(path, border, -1)]
    ids = [[d.doc_id for d in corpus_formats.read_unit(u, "wikipedia")] for u in units]
    assert ids == ([["1"], ["2"]] if limit == 0 else [["1", "2"], []])


def test_a_damaged_page_is_named_and_the_next_ones_are_read(tmp_path):
    made = dumps.pages(7)
    made[1] = made[1].replace("The", "\0")
    made[2] = made[2].replace("</text>", "")
    made[3] = made[3].replace("</page>", "")
    made[4] = '<!DOCTYPE a [<!ENTITY b "c">]>' + made[4].replace("The", "&b;")
    made[5] = made[5].replace("<id>6</id>", "", 1)
    path = dumps.write(tmp_path / "d.xml", made)
    found = reading.read(path)
    assert reading.summary(found) == ["1", 2, 3, 4, 5, 1006, "7"]
    assert all("not a page of a dump" in f.message for f in found[1:6])
    assert found[1].message.startswith(f"{path}: page 2: ")


def test_invalid_utf8_is_named(tmp_path):
    path = tmp_path / "d.xml"
    dumps.write(path, dumps.pages(3))
    path.write_bytes(path.read_bytes().replace(b"Town 2", b"Town \xff"))
    assert reading.summary(reading.read(path)) == ["1", 2, "3"]


@pytest.mark.parametrize("name", ["d.xml", "d.xml.bz2"])
def test_a_dump_that_was_cut_off_says_so(tmp_path, name):
    path = tmp_path / name
    made = dumps.pages(300)
    dumps.write(path, made, tail="")
    *before, problem = reading.read(path)
    assert len(before) == 300
    assert "ends without </mediawiki>" in problem.message
    dumps.write(path, [*made[:-1], made[-1][:200]], tail="")
    *before, problem = reading.read(path)
    assert len(before) == 299
    assert problem.message.startswith(
        f"{path}, after {path}: page 299: the file ends within a page"
    )


@pytest.mark.parametrize("name", ["d.xml", "d.xml.bz2"])
@pytest.mark.parametrize(
    ("head", "tail"), [("", ""), ("\n", dumps.TAIL), ("<!-- part 2 -->\n", "\n")]
)
def test_a_part_of_a_dump_is_read_if_its_pages_are_whole(tmp_path, name, head, tail):
    made = dumps.pages(9)
    path = dumps.write(tmp_path / name, made, head, tail)
    assert reading.summary(reading.read(path)) == [str(n) for n in range(1, 10)]
    dumps.write(tmp_path / name, [*made[:-1], made[-1][:200]], head, "")
    *before, problem = reading.read(path)
    assert len(before) == 8
    assert "ends within a page" in problem.message


@pytest.mark.parametrize("content", ["", "<html><body>A town.</body></html>", "A town.\n" * 99])
def test_what_is_no_dump_says_so(tmp_path, content):
    path = tmp_path / "d.xml"
    path.write_text(content)
    (problem,) = reading.read(path)
    assert "there is no <mediawiki> and no <page>: it is no dump" in problem.message


def test_a_damaged_stream_gives_the_pages_before_it(tmp_path):
    path = tmp_path / "d.xml.bz2"
    dumps.write_multistream(path, dumps.pages(60), 20)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    *before, problem = reading.read(path)
    assert 19 <= len(before) <= 40
    assert isinstance(problem, records.Problem)
    assert "damaged compressed data" in problem.message


def test_a_page_that_is_too_long_is_named_in_bounded_memory(tmp_path):
    made = dumps.pages(3)
    made[1] = dumps.page(2, "Long", "x" * 30_000_000)
    path = dumps.write(tmp_path / "d.xml.bz2", made)
    tracemalloc.start()
    found = reading.read(path, max_record_mb=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reading.summary(found) == ["1", 2, "3"]
    size = len(made[1].strip())
    assert f"page 2: a record of {size} bytes is longer than" in found[1].message
    assert peak < 20_000_000


def test_memory_does_not_grow_with_the_dump(tmp_path):
    peaks = []
    corpus_config = config_lib.CorpusConfig(namespaces=(1,))
    large = [dumps.page(n, "Town", dumps.PROSE * 150) for n in range(10)]
    for count in (200, 2000):
        path = dumps.write(tmp_path / f"{count}.xml", large * (count // 10))
        unit = corpus_formats.units(path, "wikipedia")[0]
        tracemalloc.start()
        read = sum(1 for _ in corpus_formats.read_unit(unit, "wikipedia", corpus_config))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert read == count
    assert peaks[1] < 1.2 * peaks[0]


@pytest.mark.skipif(not glob.glob(REAL), reason="the real sample is not at hand")
def test_real_dump():
    found = reading.read(REAL)
    reasons = [f.reason for f in found if isinstance(f, records.Dropped)]
    counts = {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    assert counts == {"disambiguation": 8, "list": 2, "namespace": 1, "redirect": 99}
    documents = [f for f in found if isinstance(f, types.Document)]
    assert len(documents) + len(reasons) == len(found) == 206
    text = "\n".join(d.text for d in documents)
    for mark in ("{{", "}}", "[[", "]]", "''", "<ref", "{|", "|}", "__NOTOC", "&nbsp;", "thumb|"):
        assert mark not in text


def test_a_page_that_the_parser_fails_on_is_named(tmp_path, monkeypatch):
    """No page is known that it fails on; it raises this for its own faults."""
    to_text = wikitext.to_text

    def fail(source, **options):
        if "Number 2" in source:
            raise parser.ParserError("a fault of its own")
        return to_text(source, **options)

    monkeypatch.setattr(wikitext, "to_text", fail)
    found = reading.read(dumps.write(tmp_path / "d.xml", dumps.pages(3)))
    assert reading.summary(found) == ["1", 2, "3"]
    assert "its wikitext cannot be parsed: " in found[1].message
