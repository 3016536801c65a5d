# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports that answer from the fusion with BM25: their ops, parts and documents that changed."""

import dataclasses
import json
import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.retrieval import bm25, fusion, index, view
from serving import approximate_search, client, export, requests, saved_models, versions
from tests.serving import divided, exported

KINDS = ("exact", "ivf", "scann")
TEXTS = tuple(divided.QUESTIONS[:1] + divided.QUESTIONS[2:])
DEPTH = 12

pytestmark = pytest.mark.usefixtures("few_warmup_requests")


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """A system over a snapshot with deltas and deleted blocks, which serves the fusion."""
    made = divided.System(str(tmp_path_factory.mktemp("parts")))
    settings = config.FusionConfig(serve=True, depth=DEPTH)
    retrieval = dataclasses.replace(made.config.retrieval, fusion=settings)
    made.config = dataclasses.replace(made.config, retrieval=retrieval)
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def _search(system, root, kind):
    if kind == "exact":
        return None
    stored = view.View(system.snapshot).vectors
    base = stored.layers[0]
    retrieval = config.RetrievalConfig(index=kind, num_leaves=4, recall_floor=0.01)
    queries = base.gather(np.arange(len(base)))
    made = index.build(str(root), base.segment, retrieval, k=20, gates=(3,), queries=queries)
    return approximate_search.ApproximateSearch(made, stored)


@pytest.fixture(scope="module")
def exports(system, root):
    """Directories of the exports by the kind of their index, and of the one apart."""
    opened = view.View(system.snapshot)
    of_corpus = {"table": opened.table, "vectors": opened.vectors}
    made = {}
    for name in (*KINDS, "apart"):
        made[name] = str(root / name)
        changes = {"apart": True} if name == "apart" else {"search": _search(system, root, name)}
        arguments = {**system.arguments(system.snapshot), **changes}
        export.export(**of_corpus, **arguments, path=made[name])
    return made


def _ranked(system, loaded, k, allowed=None):
    """What the host fuses for each question: block ids and logarithms of scores."""
    opened, settings = view.View(system.snapshot), system.config.retrieval.fusion
    table = opened.table
    query_emb = loaded.signatures["embed_query"](question=tf.constant(TEXTS))["embedding"].numpy()
    every = np.arange(len(table))
    products = query_emb @ opened.vectors.gather(every).T
    by_words = bm25.of_table(table, settings, system.config.blocks.template)
    by_words = by_words.search(TEXTS, len(table)).rows
    found = []
    for words, dense in zip(by_words, np.argsort(-products, axis=1, kind="stable"), strict=True):
        rankings = [
            ranking[np.isin(ranking, every if allowed is None else allowed)]
            for ranking in (words, dense)
        ]
        fused = fusion.fuse([ranking[np.newaxis] for ranking in rankings], k, settings)
        rows = fused.rows[0][fused.rows[0] >= 0]
        found.append((table.block_ids[rows].tolist(), np.log(fused.scores[0][: len(rows)])))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("k", "text"), [(5, ""), (40, ""), (60, "lang=en"), (2, "year<2004")])
def test_retrieved_is_what_the_host_fuses(system, exports, kind, k, text):
    loaded = saved_models.load(f"{exports[kind]}/1")
    table = view.View(system.snapshot).table
    of_row = [json.loads(table.metadata(row)) for row in range(len(table))]
    test = {"lang=en": lambda m: m["lang"] == "en", "year<2004": lambda m: m["year"] < 2004}
    allowed = [row for row, m in enumerate(of_row) if test.get(text, bool)(m)]
    found = loaded.signatures["retrieve"](
        question=tf.constant(TEXTS),
        k=tf.fill([len(TEXTS)], k),
        with_metadata=tf.fill([len(TEXTS)], False),
        filter=tf.fill([len(TEXTS)], text),
    )
    for place, (ids, scores) in enumerate(_ranked(system, loaded, k, allowed)):
        assert len(ids) == min(k, len(allowed))
        read = found["retrieval_score"][place].numpy()
        assert (read > requests.NO_BLOCK).sum() == len(ids)
        given = [int(block_id) for block_id in found["block_id"][place].numpy()[: len(ids)]]
        if kind == "exact":
            assert given == ids
            np.testing.assert_allclose(read[: len(ids)], scores, rtol=1e-6)
        else:  # an index may miss a block, but finds no other than allowed ones, each once
            assert len(set(given)) == len(ids)
            assert set(given) <= {int(table.block_ids[row]) for row in allowed}
            assert read[0] == pytest.approx(scores[0], abs=0.02)


def test_ops_of_each_export(exports):
    text = set(export.TEXT_OPS)
    paths = {name: pathlib.Path(path, "1") for name, path in exports.items() if name != "apart"}
    paths["apart"] = pathlib.Path(exports["apart"], versions.RETRIEVER, "1")
    for name, path in paths.items():
        assert exported.foreign_ops(path) == text | set(export.SCANN_OPS if name == "scann" else ())


def test_manifest_tells_the_fusion(exports, system):
    record = json.loads(pathlib.Path(exports["ivf"], "1", versions.RECORD).read_text())
    assert record["search"]["index"] == "ivf"
    told = record["search"]["fusion"]
    assert told["depth"] == DEPTH
    assert told["postings"] > told["words"] > 0
    assert export.is_current(
        exports["ivf"], system.made_from(system.snapshot), system.config, "ivf"
    )


def test_answers_elsewhere_and_apart_are_those_of_one_model(exports, tmp_path):
    expected = client.reply(client.load(exports["exact"]), TEXTS)
    for reply, other in zip(
        client.reply(client.load(exports["apart"]), TEXTS), expected, strict=True
    ):
        assert reply.no_evidence == pytest.approx(other.no_evidence, abs=1e-6)
        for a, b in zip(reply.answers, other.answers, strict=True):
            assert vars(a) == pytest.approx(vars(b), abs=1e-5)
    elsewhere = exported.answers_elsewhere(pathlib.Path(exports["exact"], "1"), TEXTS, cwd=tmp_path)
    assert [found[0] for found in elsewhere["answer"]] == [r.answers[0].text for r in expected]
    score = expected[0].answers[0].retrieval_score
    assert -10 < score < 0  # the logarithm of that by ranks


def test_changed_documents_rewrite_the_retriever_alone(system, exports, tmp_path):
    path = exports["apart"]
    fewer = divided.snapshot(str(tmp_path / "fewer"), gone=range(20))
    opened = view.View(fewer)
    of_corpus = {"table": opened.table, "vectors": opened.vectors}
    export.export(**of_corpus, **system.arguments(fewer), path=path, apart=True)
    of = {part: versions.complete(os.path.join(path, part)) for part in ("reader", "retriever")}
    assert of == {"reader": [1], "retriever": [1, 2]}
    live = {opened.table.block_ids[row] for row in range(len(opened.table))}
    for answers in client.ask(path, TEXTS):
        assert {answer.block_id for answer in answers} <= live


def test_shards_are_refused_before_anything_is_written(system, tmp_path):
    with pytest.raises(types.UserError, match=r"retrieval\.fusion\.serve must be false in an"):
        system.export_shards(str(tmp_path / "shards"))
    assert not (tmp_path / "shards").exists()
