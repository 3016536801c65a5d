# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run whose documents changed is exported in shards with ScaNN, served, and asked."""

import contextlib
import json
import shutil

import pytest

from serving import client, versions
from serving.remote import connect, smoke
from tests.commands import small_run
from tests.serving import divided
from tests.serving.server import live

pytestmark = pytest.mark.slow

_SETTINGS = ("--set", "pretrain.steps=0", "--set", "retrieval.recall_floor=0.95")
QUESTIONS = [f"Where does station {number} stand?" for number in range(0, 400, 8)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that has a delta and tombstones."""
    root = tmp_path_factory.mktemp("run")
    inputs = small_run.write_inputs(root, num_documents=400)
    small_run.run(inputs, root / "run", *_SETTINGS)
    new = small_run.write(root / "new.jsonl", [small_run.document(n) for n in range(400, 410)])
    small_run.realm("documents", "add", new, "--workdir", root / "run")
    small_run.realm("documents", "delete", "s7", "s8", "s303", "--workdir", root / "run")
    return root / "run"


def _export(run, path, *options):
    small_run.realm("export", "--workdir", run, "--output", path, *options)
    return str(path)


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """Directory of the export in two shards with ScaNN."""
    path = tmp_path_factory.mktemp("shards")
    return _export(run, path, "--index", "scann", "--shards", "2")


@pytest.fixture(scope="module")
def here(exported):
    """A server that holds both shards."""
    with live.serve(exported) as running:
        yield running


@pytest.fixture(scope="module")
def elsewhere(exported, tmp_path_factory):
    """A server that has the reader, and asks the two that have the shards."""
    path = tmp_path_factory.mktemp("front")
    shutil.copytree(f"{exported}/reader", path / "reader")
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(live.serve(shard)) for shard in divided.shard_paths(exported)
        ]
        urls = tuple(f"grpc://{server.addresses.grpc}" for server in servers)
        yield stack.enter_context(live.serve(path, shards=urls))


def test_each_shard_has_an_index_over_its_part(exported):
    records = [versions.record(f"{shard}/1") for shard in divided.shard_paths(exported)]
    assert [record["search"]["index"] for record in records] == ["scann", "scann"]
    assert records[0]["search"]["segment"] != records[1]["search"]["segment"]
    for record in records:
        # Not all depths are searched exactly, so ScaNN is asked.
        assert any(record["search"]["widths"].values())
    told = json.loads(small_run.realm("ask", "--model", exported, "--json", QUESTIONS[0]))
    assert told["answers"]


def test_all_ways_to_serve_it_answer_the_same(run, exported, here, elsewhere, tmp_path):
    expected = client.reply(client.load(exported), QUESTIONS)
    for server in (here, elsewhere):
        for url in (server.addresses.rest, f"grpc://{server.addresses.grpc}"):
            with connect.connect(url) as target:
                for found, other in zip(target.ask(QUESTIONS), expected, strict=True):
                    assert len(found.answers) == len(other.answers) > 0
                    for a, b in zip(found.answers, other.answers, strict=True):
                        assert vars(a) == pytest.approx(vars(b), abs=1e-5)
                assert [check for check in smoke.check(target) if check.fault] == []
    exact = client.reply(client.load(_export(run, tmp_path / "one")), QUESTIONS)
    same = [
        a.answers[0].block_id == b.answers[0].block_id for a, b in zip(expected, exact, strict=True)
    ]
    assert sum(same) >= 0.9 * len(same)


def test_what_was_deleted_is_not_found_and_what_was_added_is(here, elsewhere):
    asked = {"question": ["Station?"], "k": [1000], "with_metadata": [False], "filter": [""]}
    found = []
    for server in (here, elsewhere):
        with connect.connect(f"grpc://{server.addresses.grpc}") as target:
            blocks = target.predict(asked, "retrieve")
            found.append({name for name in blocks["doc_id"][0] if name})
            assert len(set(blocks["block_id"][0])) == len(blocks["block_id"][0])
    assert found[0] == found[1] == {f"s{n}" for n in range(410)} - {"s7", "s8", "s303"}
