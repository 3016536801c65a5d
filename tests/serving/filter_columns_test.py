# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Filters in the graph allow the rows that they allow on the host, and refuse what it refuses."""

import datetime
import re

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.retrieval import filters
from serving import filter_columns, filter_parsing, saved_models, text_places
from tests.serving import tiny_system

FIELDS = {"year": "number", "lang": "string", "updated": "date"}
LANGS = ("en", "de", "Smith, John", 'a "b"', "été; 東京", "x=y", "nl", None)
DAYS = [datetime.date(1899, 12, 31) + datetime.timedelta(days=977 * n) for n in range(97)]
LEAP = ("2024-02-29", "2000-02-29", "1900-02-28", "0001-01-01", "9999-12-31")


def _of_document(number):
    if number % 7 == 0:
        return {}
    lang, year = LANGS[number % len(LANGS)], 2000 + number % 5 + (0.5 if number % 2 else 0)
    day = LEAP[number] if number < len(LEAP) else str(DAYS[number])
    return {"year": year, "updated": day, **({"lang": lang} if lang else {})}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    metadata = [_of_document(number) for number in range(97)]
    root = str(tmp_path_factory.mktemp("blocks"))
    texts = [("", f"Text {number}.") for number in range(97)]
    return tiny_system.make(root, texts, fields=FIELDS, metadata=metadata).table


def _graph(table):
    columns = filter_columns.FilterColumns(table)
    texts = [tf.TensorSpec([None], tf.string)]
    return columns, tf.function(columns.allowed, input_signature=texts, autograph=False)


@pytest.fixture(scope="module")
def columns(table):
    return _graph(table)


def _random_filters(count):
    """Filters of one to three conditions, with values that there are and that there are not."""
    rng = np.random.default_rng(5)

    def value(field):
        if field == "lang":
            text = rng.choice([lang for lang in LANGS if lang] + ["fr", " "])
            quoted = '"' + text.replace('"', '""') + '"'
            return quoted if any(sign in text for sign in ',;"') or text == " " else text
        if field == "year":
            return rng.choice(["2001", " 2002.5", "2.003e3", "-1", "+2000.50", ".5", "3000"])
        return rng.choice([*LEAP, "19991231", "2024-02-29T23:59:59Z", *map(str, DAYS)])

    def condition():
        field = rng.choice(["year", "lang", "updated"])
        if field == "lang" or rng.random() < 0.4:
            values = [value(field) for _ in range(rng.integers(1, 4))]
            return f"{field}{rng.choice(['=', ' = '])}{rng.choice([',', ' , ']).join(values)}"
        return f"{field}{rng.choice(['<', '<=', '>', ' >= '])}{value(field)}"

    return ["; ".join(condition() for _ in range(rng.integers(1, 4))) for _ in range(count)]


def _outcome(function):
    try:
        return function().tolist()
    except (types.UserError, tf.errors.InvalidArgumentError):
        return "refused"


def test_as_on_the_host(table, columns):
    written = _random_filters(300)
    expected = [_outcome(lambda t=t: filters.allowed(table, filters.parse(t))) for t in written]
    good = [number for number, rows in enumerate(expected) if rows != "refused"]
    assert len(good) > 200
    found = columns[1](tf.constant([written[number] for number in good])).numpy()
    for number, rows in zip(good, found.tolist(), strict=True):
        assert rows == expected[number], written[number]
    assert 0 < found.mean() < 1
    for number in set(range(len(written))) - set(good):  # blank values
        assert _outcome(lambda t=written[number]: columns[1]([t]).numpy()) == "refused"


def test_blank_filters_allow_everything(columns):
    assert columns[1](tf.constant(["", " \n"])).numpy().all()
    assert columns[1](tf.constant([], tf.string)).shape == [0, 97]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yaer>2000", r"lang \(string\), updated \(date\), year \(number\). Received: yaer"),
        ("year=soon", "The field is a number, and the value none. Received: year=soon"),
        ("year=1e999", "is a number"),
        ("year=nan", "is a number"),
        ("updated>2024", "The field is a date, and the value none. Received: updated>2024"),
        ("updated=2023-02-29", "is a date"),
        ("updated=1900-02-29", "is a date"),
        ("updated=2023-13-01", "is a date"),
        ("updated=2023-00-10", "is a date"),
        ("updated=0000-01-01", "is a date"),
        ("lang>de", "string has no order: compare it with =. Received: lang>de"),
        ("lang=en,,de", "A value is empty"),
        ("year>2000,2001", "take one value. Received: year>2000,2001"),
        ("year=1;" * (filter_parsing.MAX_CONDITIONS + 1), "At most 20 conditions are taken"),
        *(
            (text, "A filter must be a field, one of =, <, <=, > and >=")
            for text in ("lang", "=en", "lang=", "year!=3", ";", 'lang="a', "a=\x1fb", b"a=\xff")
        ),
    ],
)
def test_what_is_refused(table, columns, text, message):
    with pytest.raises(tf.errors.InvalidArgumentError) as told:
        columns[1](tf.constant(["lang=en", text]))
    with pytest.raises(AssertionError if "conditions" in message else types.UserError):
        assert filters.allowed(table, filters.parse(str(text))) is None
    assert re.search(message, saved_models.refusal(told.value))


def test_texts_of_one_hash_are_told_apart(table, monkeypatch):
    monkeypatch.setattr(text_places, "_HASHES", 3)
    _, allowed = _graph(table)
    for lang in filter(None, LANGS):
        text = 'lang="' + lang.replace('"', '""') + '"'
        expected = filters.allowed(table, filters.parse(text))
        assert expected.any()
        np.testing.assert_array_equal(allowed([text])[0], expected)
    assert not allowed(["lang=fr"]).numpy().any()


def test_a_corpus_without_fields_says_so(tmp_path):
    columns, allowed = _graph(tiny_system.make(str(tmp_path)).table)
    assert columns.fields == {}
    assert allowed([" "]).numpy().all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="There are none: declare them in"):
        allowed(["lang=en"])


def test_a_field_that_no_document_has(tmp_path):
    fields = {"year": "number", "lang": "string"}
    _, allowed = _graph(tiny_system.make(str(tmp_path), fields=fields).table)
    found = allowed(["lang=en", "year>0", "year=0", "lang=en,de; year<1", ""]).numpy()
    assert found.any(axis=1).tolist() == [False] * 4 + [True]
