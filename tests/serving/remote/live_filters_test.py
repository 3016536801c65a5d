# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Filters in requests, in this process and over both protocols: the documents of brute force."""

import json

import click.testing
import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import struct_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, prediction_service_pb2_grpc

from realm_tf import config, types
from realm_tf.cli import main
from realm_tf.retrieval import filters, index
from serving import approximate_search, client, replies, signatures, versions, warmup
from serving.remote import connect
from tests.serving import tiny_system
from tests.serving.server import live

FIELDS = {"year": "number", "lang": "string", "updated": "date"}
TEXTS = [
    (f"Lake {n}", f"The lake of city {n} is {10 + n} miles long. A day there is long.")
    for n in range(300)
]
METADATA = [
    {
        "year": 2000 + n % 10,
        "lang": ("en", "de", "fr")[n % 3],
        "updated": f"2024-01-{1 + n % 31:02}",
    }
    for n in range(300)
]
QUESTIONS = ["Where is the lake?", "which day", "", "city 7", "how long is it?"]
FILTERS = ["year>=2008; lang=en,de", "", "lang=fr", "updated=2024-01-05; year=2004", "year<1999"]
WRONG = "yaer>2000"
NAMED = r"There are: lang \(string\), updated \(date\), year \(number\)"


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    root = tmp_path_factory.mktemp("parts")
    return tiny_system.make(str(root), TEXTS, fields=FIELDS, metadata=METADATA)


_SLOW = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("ivf", "scann", "apart")]


@pytest.fixture(scope="module", params=["exact", *_SLOW])
def exported(request, system, tmp_path_factory):
    """Directory of an export with each kind of index, and of one of two models."""
    path = str(tmp_path_factory.mktemp("export"))
    search, changes = None, {"apart": request.param == "apart"}
    if request.param in ("ivf", "scann"):
        retrieval = config.RetrievalConfig(index=request.param, num_leaves=8, tuning_seconds=2)
        queries = np.random.default_rng(0).standard_normal((50, tiny_system.DIM))
        segment = index.build(
            path, system.vectors.segment, retrieval, k=10, queries=queries.astype(np.float32)
        )
        search = approximate_search.ApproximateSearch(segment, system.vectors)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warmup, "BATCH_SIZES", (1, 2))  # loads sooner
        tiny_system.export(system, f"{path}/qa", search=search, **changes)
    return f"{path}/qa"


@pytest.fixture(scope="module")
def server(exported):
    with live.serve(exported) as running:
        yield running


@pytest.fixture(scope="module")
def urls(server):
    return [server.addresses.rest, f"grpc://{server.addresses.grpc}"]


@pytest.fixture(scope="module")
def queries(system):
    module = signatures.QaModule(**system._asdict())
    return module.retriever.embed_queries(tf.constant(QUESTIONS)).numpy()


def _expected(system, queries, k):
    """Ids of the best k allowed blocks of every question with its filter, by brute force."""
    found = []
    for question, text, query in zip(QUESTIONS, FILTERS, queries, strict=True):
        allowed = filters.allowed(system.table, filters.parse(text) if text else [])
        scores = np.where(allowed, system.vectors.load() @ query, -np.inf)
        rows = np.argsort(-scores, kind="stable")[: min(k, allowed.sum()) if question else 0]
        found.append([str(number) for number in system.table.block_ids[rows]])
    return found


def test_every_row_has_its_filter(system, queries, urls):
    for k in (3, 40):
        expected = _expected(system, queries, k)
        assert list(map(len, expected)) == [k, k, 0, 1, 0]
        inputs = {"question": QUESTIONS, "k": [k] * len(QUESTIONS), "filter": FILTERS}
        for url in urls:
            with connect.connect(url) as target:
                outputs = target.predict(inputs, "retrieve")
            ids = [[block for block in row if block] for row in outputs["block_id"]]
            assert [len(row) for row in ids] == [len(row) for row in expected]
            same = [len(set(a) & set(b)) for a, b in zip(ids, expected, strict=True)]
            assert sum(same) >= 0.95 * sum(map(len, expected))
            assert ids[3:] == expected[3:]


def test_answers_are_of_allowed_documents(exported, urls):
    wanted = replies.Wanted(filter="lang=de; year=2001,2004", num_answers=8, with_metadata=True)
    expected = client.reply(client.load(exported), QUESTIONS, wanted)
    assert max(len(reply.answers) for reply in expected) == 8
    for reply in expected:
        for answer in reply.answers:
            found = json.loads(answer.metadata)
            assert found["lang"] == "de"
            assert found["year"] in (2001, 2004)
    for url in urls:
        with connect.connect(url) as target:
            answered = target.ask(QUESTIONS, wanted, batch_size=3)
        for one, other in zip(answered, expected, strict=True):
            assert one.no_evidence == pytest.approx(other.no_evidence, abs=1e-5)
            for a, b in zip(one.answers, other.answers, strict=True):
                assert vars(a) == pytest.approx(vars(b), abs=1e-4)


def test_where_no_document_is_allowed_nothing_is_answered(exported, urls):
    wanted = replies.Wanted(filter="lang=nl")
    asked = [lambda q: client.reply(client.load(exported), q, wanted)]
    for url in urls:
        with connect.connect(url) as target:
            asked.append(lambda q, t=target: t.ask(q, wanted))
            for ask in asked:
                for reply in ask(["Where is the lake?"]):
                    assert (reply.answers, reply.no_evidence) == ((), 1)
            asked.pop()


def test_a_wrong_filter_names_the_fields(exported, urls):
    wanted = replies.Wanted(filter=WRONG)
    with pytest.raises(types.UserError, match=NAMED):
        client.reply(client.load(exported), QUESTIONS, wanted)
    for url in urls:
        with connect.connect(url) as target:
            with pytest.raises(types.UserError, match=NAMED):
                target.ask(QUESTIONS, wanted)
            assert target.ask(QUESTIONS)


def test_metadata_names_the_fields(server):
    found = live.call(server, "/v1/models/realm/metadata").body["metadata"]
    assert found["metadata_fields"] == FIELDS
    with grpc.insecure_channel(server.addresses.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec={"name": "realm"}, metadata_field=["metadata_fields"]
        )
        response = stub.GetModelMetadata(request)
    assert list(response.metadata) == ["metadata_fields"]
    fields = struct_pb2.Struct()
    response.metadata["metadata_fields"].Unpack(fields)
    assert dict(fields) == FIELDS


def test_the_command(exported, urls):
    options = ["--filter", "lang=de", "--filter", "year=2001", "--metadata", "--answers", "6"]
    for model in (exported, *urls):
        run = click.testing.CliRunner().invoke
        told = run(main.main, ["ask", "--model", model, "--json", *options, "Where is the lake?"])
        assert told.exit_code == 0, told.stderr
        answers = json.loads(told.stdout)["answers"]
        assert len(answers) == 6
        assert {(a["metadata"]["lang"], a["metadata"]["year"]) for a in answers} == {("de", 2001)}
        told = run(main.main, ["ask", "--model", model, "--filter", WRONG, "Where?"])
        assert told.exit_code == 2
        assert "There are: lang (string)" in told.stderr
        told = run(main.main, ["ask", "--model", model, *options, "Where is the lake?"])
        assert '"lang": "de"' in told.stdout


def test_an_export_of_before_is_refused(system, tmp_path, monkeypatch):
    monkeypatch.setattr(warmup, "BATCH_SIZES", (1,))
    monkeypatch.setattr(versions, "SCHEMA", 2)
    path = tiny_system.export(system, str(tmp_path / "qa"))
    monkeypatch.undo()
    assert client.ask(path, ["Where?"])
    with pytest.raises(types.UserError, match="was exported by another version of this program"):
        client.reply(client.load(path), ["Where?"], replies.Wanted(filter="lang=en"))
