# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports that answer from the fusion with BM25: their ops, parts and documents that changed."""

import dataclasses
import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.retrieval import bm25, fusion, index, view
from serving import (
    approximate_search,
    client,
    export,
    requests,
    saved_models,
    signatures,
    signatures_apart,
    versions,
)
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
    stored = view.View(system.snapshot).vectors
    base = stored.layers[0]
    retrieval = config.RetrievalConfig(index=kind, num_leaves=4, recall_floor=0.01)
    queries = base.gather(np.arange(len(base)))
    made = index.build(str(root), base.segment, retrieval, k=20, gates=(3,), queries=queries)
    return approximate_search.ApproximateSearch(made, stored)


@pytest.fixture(scope="module")
def module(system):
    """The graph before it is exported, with exact search."""
    return _module(system)


def _module(system, search=None):
    opened, given = view.View(system.snapshot), system.arguments(system.snapshot)
    names = ("model", "tokenizer", "config", "calibration")
    return signatures.QaModule(
        table=opened.table,
        vectors=opened.vectors,
        search=search,
        **{name: given[name] for name in names},
    )


@pytest.fixture(scope="module")
def apart(system, root):
    """Directory of an export with exact search, retriever and reader apart."""
    opened, path = view.View(system.snapshot), str(root / "apart")
    of_corpus = {"table": opened.table, "vectors": opened.vectors}
    export.export(**of_corpus, **system.arguments(system.snapshot), path=path, apart=True)
    return path


@pytest.fixture(scope="module")
def retrievers(system, root, apart):
    """Directories of the versions of retrievers by the kind of their index."""
    made = {"exact": os.path.join(apart, versions.RETRIEVER, "1")}
    for kind in KINDS[1:]:
        of_kind = _module(system, _search(system, root, kind))
        record = export.record_of(of_kind, system.model)
        part = signatures_apart.RetrieverModule(of_kind.retriever)
        made[kind] = export.write(part, record, str(root / kind))
    return made


@pytest.fixture(scope="module")
def loaded(retrievers):
    return {kind: saved_models.load(path) for kind, path in retrievers.items()}


def _ranked(system, retriever, k, allowed):
    """What the host fuses for each question: block ids and logarithms of scores."""
    opened, settings = view.View(system.snapshot), system.config.retrieval.fusion
    table = opened.table
    query_emb = retriever.signatures["embed_query"](question=tf.constant(TEXTS))[
        "embedding"
    ].numpy()
    every = np.arange(len(table))
    products = query_emb @ opened.vectors.gather(every).T
    by_words = bm25.of_table(table, settings, system.config.blocks.template)
    by_words = by_words.search(TEXTS, len(table)).rows
    found = []
    by_vectors = np.argsort(-products, axis=1, kind="stable")
    for rankings in zip(by_words, by_vectors, strict=True):
        rankings = [ranking[np.isin(ranking, allowed)] for ranking in rankings]
        fused = fusion.fuse([ranking[np.newaxis] for ranking in rankings], k, settings)
        rows = fused.rows[0][fused.rows[0] >= 0]
        found.append((table.block_ids[rows].tolist(), np.log(fused.scores[0][: len(rows)])))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("k", "text"), [(5, ""), (40, ""), (60, "lang=en"), (2, "year<2004")])
def test_retrieved_is_what_the_host_fuses(system, loaded, kind, k, text):
    table = view.View(system.snapshot).table
    of_row = [json.loads(table.metadata(row)) for row in range(len(table))]
    test = {"lang=en": lambda m: m["lang"] == "en", "year<2004": lambda m: m["year"] < 2004}
    allowed = [row for row, m in enumerate(of_row) if test.get(text, bool)(m)]
    found = loaded[kind].signatures["retrieve"](
        question=tf.constant(TEXTS),
        k=tf.fill([len(TEXTS)], k),
        with_metadata=tf.fill([len(TEXTS)], False),
        filter=tf.fill([len(TEXTS)], text),
    )
    for place, (ids, scores) in enumerate(_ranked(system, loaded[kind], k, allowed)):
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


def test_ops_of_each_export(retrievers):
    for kind, path in retrievers.items():
        of_kind = {*export.TEXT_OPS, *(export.SCANN_OPS if kind == "scann" else ())}
        assert exported.foreign_ops(pathlib.Path(path)) == of_kind


def test_manifest_tells_the_fusion(system, apart, retrievers):
    record = json.loads(pathlib.Path(retrievers["ivf"], versions.RECORD).read_text())
    assert record["search"]["index"] == "ivf"
    told = record["search"]["fusion"]
    assert told["depth"] == DEPTH
    assert told["postings"] > told["words"] > 0
    path, made_from = os.path.join(apart, versions.RETRIEVER), system.made_from(system.snapshot)
    assert export.is_current(path, made_from, system.config)
    dense = dataclasses.replace(system.config, retrieval=config.RetrievalConfig())
    assert not export.is_current(path, made_from, dense)


def test_answers_of_the_export_are_those_of_the_graph(module, apart):
    expected, found = (client.reply(m, TEXTS) for m in (module.answer, client.load(apart)))
    for reply, other in zip(found, expected, strict=True):
        assert reply.no_evidence == pytest.approx(other.no_evidence, abs=1e-6)
        assert len(reply.answers) == len(other.answers) > 0
        for a, b in zip(reply.answers, other.answers, strict=True):
            assert vars(a) == pytest.approx(vars(b), abs=1e-5)
            assert -10 < a.retrieval_score < 0  # the logarithm of that by ranks


def test_it_runs_where_this_project_is_not(loaded, retrievers, tmp_path):
    expected = loaded["ivf"].signatures["serving_default"](question=tf.constant(TEXTS))
    path = pathlib.Path(retrievers["ivf"])
    exported.require_same(exported.answers_elsewhere(path, TEXTS, cwd=tmp_path), expected)


def test_changed_documents_rewrite_the_retriever_alone(system, apart, tmp_path):
    path = str(shutil.copytree(apart, tmp_path / "apart"))
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
