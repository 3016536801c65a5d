# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A retriever and a reader apart are served as one model, and new documents leave the reader."""

import asyncio
import shutil

import numpy as np
import pytest

from serving import client, versions
from serving.remote import connect, smoke
from serving.server import model_versions, policy
from tests.serving import tiny_system
from tests.serving.server import live

QUESTIONS = ["Where is Lake Ohrid?", "", "Où est l'été à Zürich, 東京?", "a day in rome"]
SIGNATURES = {"serving_default", "answer", "retrieve", "embed_query", "embed_block", "read"}
FEWER = tiny_system.TEXTS[1:4]  # documents after a change


pytestmark = pytest.mark.usefixtures("few_warmup_requests")


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    return tiny_system.make(str(tmp_path_factory.mktemp("parts")))


@pytest.fixture(scope="module")
def pair(system, tmp_path_factory):
    """Directory of an export of two models."""
    return tiny_system.export(system, str(tmp_path_factory.mktemp("pair")), apart=True)


@pytest.fixture(scope="module")
def whole(system, tmp_path_factory):
    """Directory of the same as one model."""
    return tiny_system.export(system, str(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def server(pair):
    with live.serve(pair) as running:
        yield running


@pytest.fixture(scope="module")
def urls(server):
    return [server.addresses.rest, f"grpc://{server.addresses.grpc}"]


def test_a_pair_answers_as_the_one_model(whole, urls):
    expected = client.reply(client.load(whole), QUESTIONS)
    for url in urls:
        with connect.connect(url) as target:
            assert target.versions() == {1: "AVAILABLE"}
            assert set(target.signatures()) == SIGNATURES
            for one, other in zip(target.ask(QUESTIONS), expected, strict=True):
                assert one.no_evidence == pytest.approx(other.no_evidence, abs=1e-5)
                for a, b in zip(one.answers, other.answers, strict=True):
                    assert vars(a) == pytest.approx(vars(b), abs=1e-5)


def test_every_signature_of_the_one_model(whole, urls):
    calls = {
        "answer": {
            "question": QUESTIONS[:2],
            "num_read": [2, 1],
            "num_answers": [3, 1],
            "with_metadata": [True, False],
        },
        "retrieve": {"question": QUESTIONS[:2], "k": [2, 1], "with_metadata": [True, False]},
        "embed_query": {"question": QUESTIONS[:2]},
        "embed_block": {"block_text": ["The lake."], "title": ["Lake"]},
    }
    with live.serve(whole) as other:
        others = (other.addresses.rest, f"grpc://{other.addresses.grpc}")
        for url, of_whole in zip(urls, others, strict=True):
            with connect.connect(url) as target, connect.connect(of_whole) as expected:
                for name, inputs in calls.items():
                    _same(target.predict(inputs, name), expected.predict(inputs, name))


def _same(found, expected):
    assert set(found) == set(expected)
    for name, value in expected.items():
        if np.asarray(value).dtype.kind == "U":
            assert found[name] == value, name
        else:
            np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-5)


def test_smoke_test_succeeds(urls):
    for url in urls:
        with connect.connect(url) as target:
            assert [check for check in smoke.check(target) if check.fault] == []


def test_a_new_retriever_is_served_with_the_old_reader(system, pair, tmp_path):
    path = shutil.copytree(pair, tmp_path / "pair")
    changed = tiny_system.make(str(tmp_path / "changed"), FEWER)._replace(model=system.model)

    async def run():
        found = model_versions.ModelVersions("realm", str(path), policy.Policy())
        await found.refresh()
        with found.use() as model:
            reader = model._module._reader
        del model
        tiny_system.export(changed, str(path), apart=True)
        assert versions.numbers(str(path / "reader")) == [1]
        await found.refresh()
        with found.use() as model:
            assert model.number == 2
            assert model._module._reader is reader  # in memory once
            inputs = {
                "question": [b"a day in rome"],
                "k": [10],
                "with_metadata": [False],
                "filter": [b""],
            }
            titles = model.run("retrieve", inputs)["title"][0]
            assert {title.decode() for title in titles} == {title for title, _ in FEWER}
            cited = model.run("serving_default", {"question": [b"a day in rome"]})["title"]
            assert {title.decode() for title in cited[0]} <= {title for title, _ in FEWER} | {""}

    asyncio.run(run())


def test_a_retriever_without_its_reader_is_passed_over(pair, tmp_path):
    path = shutil.copytree(pair, tmp_path / "pair")
    shutil.copytree(path / "retriever" / "1", path / "retriever" / "2")
    record = path / "retriever" / "2" / versions.RECORD
    text = record.read_text()
    record.write_text(text.replace('"made_from": {', '"made_from": {"open_qa_weights": "d",'))

    async def run():
        found = model_versions.ModelVersions("realm", str(path), policy.Policy())
        await found.refresh()
        assert [model.number for model in found] == [1]
        error = found.statuses()[2].error
        assert "do not belong together: their open_qa_weights differs" in error
        shutil.copytree(path / "reader" / "1", path / "reader" / "2")  # it comes later
        reader = path / "reader" / "2" / versions.RECORD
        text = reader.read_text()
        reader.write_text(text.replace('"made_from": {', '"made_from": {"open_qa_weights": "d",'))
        await found.refresh()
        assert [model.number for model in found] == [2]

    asyncio.run(run())
