# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fused search in the graph finds what BM25 and the fusion find on the host, scores and all."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from realm_tf.retrieval import bm25, fusion
from serving import requests, signatures
from tests.serving import tiny_system

PLACES = [a + b for a, b in itertools.product(("al", "be", "cor", "du"), "aeiou")]
TEXTS = [
    (place.title(), f"The lake of {place} is {size} miles long. A day in {place} is {size} days.")
    for place, size in itertools.product(PLACES, range(10, 40))
] + [("", "湖は東京にある。"), ("Été", "L'ÉTÉ à Évian"), ("", "?!")]
QUESTIONS = [
    *(f"{a} lake {b} {c}?" for a, b, c in itertools.product(("the", "is a"), PLACES[:5], (11, 99))),
    *(
        "The lake",
        "nothing here at all",
        "東京 été",
        "",
        "?",
        "lake " * 300 + "cora day",
        "long " * 9,
    ),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    metadata = [{"year": 2000 + n % 30, "lang": ("en", "de")[n % 2]} for n in range(len(TEXTS))]
    fields = {"year": "number", "lang": "string"}
    root = str(tmp_path_factory.mktemp("parts"))
    return tiny_system.make(root, TEXTS, fields=fields, metadata=metadata)


def _fusing(system, **settings):
    """The system with other settings of the fusion."""
    settings = dataclasses.replace(system.config.retrieval.fusion, serve=True, **settings)
    retrieval = dataclasses.replace(system.config.retrieval, fusion=settings)
    return system._replace(config=dataclasses.replace(system.config, retrieval=retrieval))


def _graph(function):
    return tf.function(function, autograph=False)


def _require_as_on_the_host(system, module, k, allowed=None, found=None):
    """Compares what the graph found with both rankings of allowed rows, fused on the host."""
    table, settings = system.table, system.config.retrieval.fusion
    texts, every = tf.constant(QUESTIONS), tf.fill([len(QUESTIONS)], len(table))
    dense = _graph(module.retriever.search_by_vectors)(texts, every)[0].numpy()
    words = bm25.of_table(table, settings, system.config.blocks.template)
    by_words = words.search(QUESTIONS, len(table)).rows
    rows, scores = (x.numpy() for x in found)
    for place, question in enumerate(QUESTIONS):
        if not any(c.isalnum() for c in question):
            assert (scores[place] == requests.NO_BLOCK).all()
            continue
        rankings = [ranking[place][(ranking[place] >= 0)] for ranking in (by_words, dense)]
        if allowed is not None:
            rankings = [ranking[np.isin(ranking, allowed)] for ranking in rankings]
        expected = fusion.fuse([r[np.newaxis] for r in rankings], k, settings)
        there = expected.rows[0] >= 0
        assert there.sum() == min(k, len(table) if allowed is None else len(allowed))
        assert rows[place][there].tolist() == expected.rows[0][there].tolist()
        logs = np.log(expected.scores[0][there])
        np.testing.assert_allclose(scores[place][there], logs, rtol=1e-6)
        assert (scores[place][~there] == requests.NO_BLOCK).all()


@pytest.mark.parametrize(
    ("k", "settings"),
    [(3, {}), (50, {"depth": 20}), (603, {"depth": 7, "rank_constant": 0.0}), (9, {"b": 0.9})],
    ids=str,
)
def test_search_is_that_of_the_host(system, k, settings):
    system = _fusing(system, **settings)
    module = signatures.QaModule(**system._asdict())
    texts = tf.constant(QUESTIONS)
    found = module.search(texts, tf.fill([len(QUESTIONS)], k))
    _require_as_on_the_host(system, module, k, found=found)


@pytest.mark.parametrize("remainder", [0, 1])
def test_only_allowed_rows_are_fused(system, remainder):
    system = _fusing(system, depth=30)
    module = signatures.QaModule(**system._asdict())
    texts, k = tf.constant(QUESTIONS), tf.fill([len(QUESTIONS)], 40)
    rows = range(len(TEXTS))
    of_year = [row for row in rows if int(system.table.doc_id(row).removeprefix("doc-")) % 30 < 5]
    filters = tf.fill([len(QUESTIONS)], "year<2005")
    found = _graph(module.retriever.search)(texts, k, filters)
    _require_as_on_the_host(system, module, 40, of_year, found)
    allowed = np.arange(len(TEXTS)) % 2 == remainder
    masks = tf.constant(np.tile(allowed, (len(QUESTIONS), 1)))
    found = _graph(module.retriever.search_among)(texts, k, masks)
    _require_as_on_the_host(system, module, 40, np.flatnonzero(allowed), found)


def test_each_question_of_a_batch_is_alone(system):
    module = signatures.QaModule(**_fusing(system)._asdict())
    k = tf.range(len(QUESTIONS)) % 5
    rows, scores = module.search(tf.constant(QUESTIONS), k)
    for place, question in enumerate(QUESTIONS):
        alone = module.search(tf.constant([question]), tf.fill([1], 5))
        count = int(k[place])
        for batched, single in zip((rows, scores), alone, strict=True):
            np.testing.assert_allclose(batched[place][:count], single[0][:count], rtol=1e-6)


def test_no_question_and_no_word(system, tmp_path):
    module = signatures.QaModule(**_fusing(system)._asdict())
    found = module.search(tf.constant([], tf.string), tf.constant([], tf.int32))
    assert [tuple(part.shape) for part in found] == [(0, 1)] * 2
    silent = _fusing(tiny_system.make(str(tmp_path), [("", "?"), ("", "!")]))
    module = signatures.QaModule(**silent._asdict())
    rows, _ = module.search(tf.constant(["a lake?"]), tf.constant([2]))
    dense, _ = module.retriever.search_by_vectors(tf.constant(["a lake?"]), tf.constant([2]))
    np.testing.assert_array_equal(rows, dense)
