# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards that other servers hold are asked and merged: the answers are those of one model."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from realm_tf import types
from serving import client, replies, versions
from serving.remote import connect, endpoint, smoke
from serving.server import policy, remote_shards
from tests.serving import divided
from tests.serving.server import live

ROOT = pathlib.Path(__file__).parents[3]
QUESTIONS = divided.QUESTIONS
WANTED = replies.Wanted(num_read=9, num_answers=7, with_metadata=True, filter="lang=de")


pytestmark = pytest.mark.usefixtures("few_warmup_requests")


@pytest.fixture(scope="module")
def reader(parts, tmp_path_factory):
    """Directory of an export of which only the reader is here."""
    path = tmp_path_factory.mktemp("front")
    shutil.copytree(f"{parts}/reader", path / "reader")
    return path


@contextlib.contextmanager
def _shards(path, **settings):
    """Serves each shard of an export; yields the servers and their addresses."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(live.serve(shard, **settings))
            for shard in divided.shard_paths(str(path))
        ]
        yield servers, [f"grpc://{server.addresses.grpc}" for server in servers]


@pytest.fixture(scope="module")
def urls(parts):
    with _shards(parts) as (_, found):
        yield found


@pytest.fixture(scope="module")
def front(reader, urls):
    with live.serve(reader, shards=tuple(reversed(urls))) as running:
        yield running


@pytest.fixture(scope="module")
def here(parts):
    """A server that holds both shards."""
    with live.serve(parts) as running:
        yield running


def _require_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.no_evidence == pytest.approx(other.no_evidence, abs=1e-6)
        assert len(one.answers) == len(other.answers)
        for a, b in zip(one.answers, other.answers, strict=True):
            assert vars(a) == pytest.approx(vars(b), abs=1e-5)


def test_answers_are_those_of_one_model(whole, front, here):
    loaded = client.load(whole)
    for wanted in (None, WANTED):
        expected = client.reply(loaded, QUESTIONS, wanted)
        assert any(reply.answers for reply in expected)
        for server in (front, here):
            for url in (server.addresses.rest, f"grpc://{server.addresses.grpc}"):
                with connect.connect(url) as target:
                    _require_same(target.ask(QUESTIONS, wanted), expected)


def test_signatures_and_smoke_test(front, here):
    names = {"serving_default", "answer", "retrieve", "embed_query", "embed_block", "read"}
    for server in (front, here):
        with connect.connect(f"grpc://{server.addresses.grpc}") as target:
            assert set(target.signatures()) == names
            asked = {"question": QUESTIONS[:2], "k": [9, 3], "with_metadata": [True, False]}
            found = target.predict({**asked, "filter": ["", "lang=en"]}, "retrieve")
            assert [sum(map(bool, ids)) for ids in found["block_id"]] == [9, 0]
            embedded = target.predict({"block_text": ["The lake."], "title": ["a"]}, "embed_block")
            assert np.shape(embedded["embedding"]) == (1, 8)
            assert [check for check in smoke.check(target) if check.fault] == []


def test_a_filter_that_shards_refuse_is_the_users_error(front):
    body = {"signature_name": "answer", "inputs": {"question": ["who?"], "filter": ["size=1"]}}
    told = live.call(front, "/v1/models/realm:predict", body)
    assert told.status == 400
    assert "size" in told.body["error"]
    fields = live.call(front, "/v1/models/realm/metadata").body["metadata"]["metadata_fields"]
    assert fields == {"lang": "string", "year": "number"}


def _until(is_so):
    limit = time.monotonic() + 300
    while not is_so():
        assert time.monotonic() < limit
        time.sleep(0.1)


@pytest.mark.slow
def test_a_version_is_taken_up_when_all_shards_have_it(divided_system, parts, reader, tmp_path):
    path = pathlib.Path(shutil.copytree(parts, tmp_path / "shards"))
    newer = divided.snapshot(str(tmp_path / "newer"), gone=range(20))
    elsewhere = pathlib.Path(shutil.copytree(path, tmp_path / "elsewhere"))
    divided_system.export_shards(str(elsewhere), of=newer)
    old = [pathlib.Path(shard) for shard in divided.shard_paths(str(path))]
    new = [pathlib.Path(shard) for shard in divided.shard_paths(str(elsewhere))]
    two = policy.Policy(latest=2)
    with (
        _shards(path, policy=two) as (servers, urls),
        live.serve(reader, shards=tuple(urls)) as front,
        connect.connect(front.addresses.rest) as target,
    ):

        def arrive(number):
            aside = old[number] / "aside"
            shutil.copytree(new[number] / "2", aside)
            aside.rename(old[number] / "2")
            with connect.connect(urls[number]) as shard:
                _until(lambda: shard.versions().get(2) == "AVAILABLE")

        before = target.ask(QUESTIONS)
        arrive(0)
        time.sleep(1.0)  # many looks of the server
        assert target.versions() == {1: "AVAILABLE"}
        _require_same(target.ask(QUESTIONS), before)
        arrive(1)
        _until(lambda: target.versions().get(2) == "AVAILABLE")
        expected = client.reply(client.load(str(elsewhere)), QUESTIONS)
        _require_same(target.ask(QUESTIONS), expected)
        asked = {"question": QUESTIONS[:1], "k": [1000], "with_metadata": [False], "filter": [""]}
        everything = target.predict(asked, "retrieve")["block_id"][0]
        assert len(set(everything)) == len(divided.TEXTS) - 20
        servers[1].run(servers[1].server._grpc.stop(0))
        told = live.call(front, "/v1/models/realm:predict", {"inputs": {"question": ["who?"]}})
        assert told.status == 503
        assert urls[1] in told.body["error"]


def _store(path, urls):
    return remote_shards.RemoteShards(str(path), urls, endpoint.Options(timeout_secs=60))


def test_shards_that_are_not_all_there(reader, urls, front):
    with pytest.raises(types.UserError, match=rf"Shard 1 of 2 is missing; given: \['{urls[0]}'\]"):
        _store(reader, urls[:1]).load(1)
    one_twice = [urls[0], urls[0].replace("127.0.0.1", "localhost")]
    with pytest.raises(types.UserError, match="are both shard 0"):
        _store(reader, one_twice).load(1)
    others = [urls[0], f"grpc://{front.addresses.grpc}"]
    with pytest.raises(types.UserError, match="serves no shard of `realm export --shards`"):
        _store(reader, others).load(1)
    with pytest.raises(types.UserError, match=r"begins with grpc:// or grpcs://. Received: http:"):
        _store(reader, [front.addresses.rest])
    with pytest.raises(types.UserError, match=r"grpc://127\.0\.0\.1:9 does not answer"):
        _store(reader, [urls[0], "grpc://127.0.0.1:9"]).numbers()


def test_a_reader_of_other_weights_is_refused(parts, urls, tmp_path):
    shutil.copytree(f"{parts}/reader", tmp_path / "reader")
    record = tmp_path / "reader" / "1" / versions.RECORD
    record.write_text(record.read_text().replace("e" * 64, "d" * 64))
    with pytest.raises(types.UserError, match="do not belong together: their open_qa_weights"):
        _store(tmp_path, urls).load(1)


def test_shards_without_a_version_in_common(divided_system, parts, reader, tmp_path):
    path = pathlib.Path(shutil.copytree(parts, tmp_path / "shards"))
    first = pathlib.Path(divided.shard_paths(str(path))[0])
    (first / "1").rename(first / "3")
    with _shards(path) as (_, urls):
        with pytest.raises(types.UserError, match=r"no version in common: .* \[3\]; .* \[1\]"):
            _store(reader, urls).numbers()
        start = live.serve(reader, shards=tuple(urls))
        with pytest.raises(types.UserError, match="no version in common"), start:
            pass


_REALM = (sys.executable, "-m", "realm_tf")


@contextlib.contextmanager
def _running(*args):
    """A server as a process of its own; yields its addresses."""
    command = [*_REALM, "serve", *map(str, args), "--json", "--rest-port", "0", "--grpc-port", "0"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
def test_each_shard_in_a_process_of_its_own(whole, parts, reader, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    first, second = divided.shard_paths(parts)
    secret = ("--token-file", token)
    with _running(first, *secret) as one, _running(second, *secret) as other:
        shards = (x for a in (other, one) for x in ("--shard", f"grpc://{a['grpc']}"))
        with _running(reader, *shards, "--shard-token-file", token) as addresses:
            with connect.connect(addresses["rest"]) as target:
                for wanted in (None, WANTED):
                    expected = client.reply(client.load(whole), QUESTIONS, wanted)
                    _require_same(target.ask(QUESTIONS, wanted), expected)
            command = [*_REALM, "ask", "--model", addresses["rest"], "--json", QUESTIONS[0]]
            (best, *_), *_ = client.ask(whole, QUESTIONS[:1])
            told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            assert told["answers"][0]["block_id"] == str(best.block_id)
