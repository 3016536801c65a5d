# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exports that search with `ivf` and ScaNN: the ops they need, and the answers of the exact one."""

import asyncio
import itertools
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import config, types
from realm_tf.data.blocks import keys
from realm_tf.retrieval import index
from serving import approximate_search, client, export, signatures, versions
from serving.remote import connect
from serving.server import model_versions, policy
from tests.serving import exported, tiny_system
from tests.serving.server import live

KINDS = ("ivf", "scann")
PLACES = [a + b for a, b in itertools.product(("al", "be", "cor", "du", "er"), "aeiou")]
TEXTS = [
    (place.title(), f"The lake of {place} is {size} miles long. A day in {place} is {size}.")
    for place, size in itertools.product(PLACES, range(10, 34))
]
DOC_IDS = [f"doc-{number}" for number in range(len(TEXTS))]
QUESTIONS = [f"{a} lake {b}?" for a, b in itertools.product(("the", "is a"), PLACES)] * 2
QUESTIONS = [f"{text} {n % 7}" for n, text in enumerate(QUESTIONS)]
MADE_FROM = {
    "tokenizer": tiny_system.make_tokenizer().fingerprint,
    "embedder": tiny_system.EMBEDDER,
    "open_qa_weights": "e" * 64,
}


pytestmark = pytest.mark.usefixtures("few_warmup_requests")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("indexed")


@pytest.fixture(scope="module")
def system(root):
    """A system whose vectors are those of its tower: blocks about one place are near."""
    metadata = [{"year": 2000 + n % 30, "lang": "en"} for n in range(len(TEXTS))]
    fields = {"year": "number", "lang": "string"}
    made = tiny_system.make(str(root / "parts"), TEXTS, fields=fields, metadata=metadata)
    tower = made.model.query_tower
    embedded = signatures.QaModule(**made._asdict(), block_tower=tower).retriever.embed_blocks(
        *(tf.constant(column) for column in zip(*TEXTS, strict=True))
    )
    order = made.table.scalar("doc_key", np.arange(len(TEXTS)))
    numbers = dict(zip(map(keys.doc_key, DOC_IDS), embedded.numpy(), strict=True))
    numbers = np.stack([numbers[key] for key in order])
    return made._replace(
        vectors=tiny_system.make_vectors(str(root / "vectors"), made.table, numbers=numbers)
    )


@pytest.fixture(scope="module")
def modules(root, system):
    """The graphs by kind of their index."""
    made = {"exact": signatures.QaModule(**system._asdict())}
    queries = made["exact"].retriever.embed_queries(tf.constant(QUESTIONS)).numpy()
    for kind in KINDS:
        retrieval = config.RetrievalConfig(index=kind, num_leaves=20, tuning_seconds=5)
        segment = index.build(
            str(root), system.vectors.segment, retrieval, k=100, gates=(3, 10), queries=queries
        )
        search = approximate_search.ApproximateSearch(segment, system.vectors)
        assert any(segment.settings["widths"].values())  # not all depths are searched exactly
        made[kind] = signatures.QaModule(**system._asdict(), search=search)
    return made


def _export(system, module, path, **changes):
    arguments = {"snapshot_step": 500, "made_from": MADE_FROM, **changes}
    search = module.retriever._search
    return export.export(**system._asdict(), search=search, path=str(path), **arguments)


@pytest.fixture(scope="module")
def exports(root, system, modules):
    """Directories of the exports by kind of their index."""
    for kind, module in modules.items():
        _export(system, module, root / "exports" / kind)
    return {kind: root / "exports" / kind for kind in modules}


def test_ops_of_each_export(exports):
    text = set(export.TEXT_OPS)
    assert exported.foreign_ops(exports["ivf"] / "1") == text
    assert exported.foreign_ops(exports["scann"] / "1") == text | set(export.SCANN_OPS)


def test_manifest_tells_the_index_and_its_recall(exports, system):
    for kind, path in exports.items():
        found = json.loads((path / "1" / versions.RECORD).read_text())["search"]
        assert found["index"] == kind
        assert export.is_current(str(path), MADE_FROM, system.config, kind)
        assert not export.is_current(str(path), MADE_FROM, system.config, "other")
        if kind != "exact":
            assert found["recall"].keys() == {"3", "10", "100"}
            assert found["recall"]["3"] >= 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_top_answers_are_those_of_the_exact_search(modules, kind):
    exact, found = (client.predict(modules[k].answer, QUESTIONS) for k in ("exact", kind))
    same = [
        (a[0].text, a[0].block_id, pytest.approx(a[0].score, abs=1e-5))
        == (b[0].text, b[0].block_id, b[0].score)
        for a, b in zip(exact, found, strict=True)
    ]
    assert np.mean(same) >= 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_model_saved_model_grpc_and_rest_answer_alike(modules, exports, kind):
    questions = QUESTIONS[::5]
    expected = client.reply(modules[kind].answer, questions)
    answered = [client.reply(client.load(str(exports[kind])), questions)]
    with live.serve(exports[kind]) as server:
        for url in (server.addresses.rest, f"grpc://{server.addresses.grpc}"):
            with connect.connect(url) as target:
                answered.append(target.ask(questions, batch_size=7))
    for found in answered:
        for one, other in zip(found, expected, strict=True):
            assert one.no_evidence == pytest.approx(other.no_evidence, abs=1e-5)
            assert len(one.answers) == len(other.answers)
            for a, b in zip(one.answers, other.answers, strict=True):
                assert vars(a) == pytest.approx(vars(b), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_apart(system, modules, exports, tmp_path, kind):
    _export(system, modules[kind], tmp_path, apart=True)
    found = client.load(str(tmp_path))(question=tf.constant(QUESTIONS[:9]))
    exported.require_same(exported.plain(found), modules[kind].answer(tf.constant(QUESTIONS[:9])))
    kinds = [
        versions.index_of(versions.record(str(tmp_path / part / "1")))
        for part in ("retriever", "reader")
    ]
    assert kinds == [kind, "exact"]  # the reader searches nothing, and stays whatever the index is
    _export(system, modules["exact"], tmp_path, apart=True)
    assert versions.numbers(str(tmp_path / "reader")) == [1]
    assert versions.numbers(str(tmp_path / "retriever")) == [1, 2]


@pytest.mark.slow
def test_ivf_answers_with_tensorflow_and_tf_text_alone(modules, exports, tmp_path):
    questions = QUESTIONS[:20]
    found = exported.answers_elsewhere(exports["ivf"] / "1", questions, cwd=tmp_path)
    exported.require_same(found, modules["ivf"].answer(tf.constant(questions)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_is_asked_ends_the_process(exports, kind):
    fuzz = pathlib.Path(__file__).with_name("fuzz.py")
    command = [sys.executable, str(fuzz), str(exports[kind] / "1")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    counts = json.loads(done.stdout.splitlines()[-1])
    assert all(c["answered"] > 5 and c["refused"] > 0 for c in counts.values()), counts


def test_scann_without_its_ops_is_the_users_error(exports, monkeypatch):
    monkeypatch.setitem(sys.modules, "scann", None)
    with pytest.raises(types.UserError, match="searches with ScaNN, whose ops cannot be loaded"):
        client.ask(str(exports["scann"]), QUESTIONS[:1])
    assert client.ask(str(exports["ivf"]), QUESTIONS[:1])


@pytest.mark.slow
def test_a_server_frees_the_searcher_of_a_version_that_it_unloads(system, modules, tmp_path):
    async def run():
        found = model_versions.ModelVersions("realm", str(tmp_path), policy.Policy())
        for number in (1, 2):
            _export(system, modules["scann"], tmp_path)
            held = [model._module.retriever._search._held for model in found]
            handles = [one.recreate_handle() for one in held]
            await found.refresh()
            assert [model.number for model in found] == [number]
        with pytest.raises(tf.errors.NotFoundError):
            tf.raw_ops.DestroyResourceOp(resource=handles[0], ignore_lookup_error=False)
        await found.close()

    asyncio.run(run())
