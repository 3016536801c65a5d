# Copyright 2026 The realm-tf Authors.
# SPDX-License-Identifier: Apache-2.0
"""A corpus in shards gives the answers of one model: the same blocks, scores and evidence."""

import itertools
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from realm_tf import types
from realm_tf.retrieval import shards
from serving import client, export, replies, requests, sharded, sharded_export, versions
from tests.serving import divided, exported

QUESTIONS = divided.QUESTIONS


pytestmark = pytest.mark.usefixtures("few_warmup_requests")


@pytest.fixture(scope="module")
def one(whole):
    """The one model."""
    return tf.saved_model.load(f"{whole}/1")


@pytest.fixture(scope="module")
def several(parts):
    """The shards and the reader as one."""
    return sharded.load(parts).signatures()


def test_answers_and_probabilities_are_those_of_one_model(whole, parts):
    of_whole, of_parts = client.load(whole), client.load(parts)
    for wanted, are_answered in (
        (None, True),
        (replies.Wanted(num_read=7, num_answers=9, with_metadata=True), True),
        (replies.Wanted(num_read=100, filter="lang=de; year<2020"), True),
        (replies.Wanted(filter="year>2100"), False),
    ):
        expected = client.reply(of_whole, QUESTIONS, wanted)
        found = client.reply(of_parts, QUESTIONS, wanted)
        assert any(reply.answers for reply in expected) == are_answered
        for reply, other in zip(found, expected, strict=True):
            assert reply.no_evidence == pytest.approx(other.no_evidence, abs=1e-6)
            assert len(reply.answers) == len(other.answers)
            for a, b in zip(reply.answers, other.answers, strict=True):
                assert vars(a) == pytest.approx(vars(b), abs=1e-5)


def test_the_same_blocks_in_the_same_order(one, several):
    counts = ([1] * 4, [5] * 4, [1000] * 4, [3, 1, 40, 2], [0, -7, 1, 10**9])
    for k, text in itertools.product(counts, ("", "lang=en", "year>2100")):
        asked = {
            "question": tf.constant(QUESTIONS),
            "k": tf.constant(k, tf.int32),
            "with_metadata": tf.constant([True, False, True, False]),
            "filter": tf.constant([text] * len(QUESTIONS)),
        }
        expected, found = one.signatures["retrieve"](**asked), several["retrieve"](**asked)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            if value.dtype == tf.string:
                np.testing.assert_array_equal(found[name], value.numpy())
            else:
                np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-6, atol=1e-6)
        if (k[0], text) == (1000, ""):  # everything, and so blocks of two shards with equal scores
            scores = found["retrieval_score"][0]
            assert (scores > requests.NO_BLOCK).all()
            assert (np.diff(scores) == 0).any()


def test_every_signature_of_one_model(one, several):
    assert set(several) == {*one.signatures, "read"}
    question = tf.constant(QUESTIONS)
    exported.require_same(
        exported.plain(several["embed_query"](question=question)),
        one.signatures["embed_query"](question=question),
    )


def test_each_record_names_all_shards(parts):
    records = [_record(f"{shard}/1") for shard in divided.shard_paths(parts)]
    assert [record["shard"]["number"] for record in records] == [0, 1]
    first, second = (record["shard"]["fingerprints"] for record in records)
    assert first == second
    assert len(set(first)) == 2
    live = len(divided.TEXTS) - len(divided.GONE)
    assert sum(record["counts"]["blocks"] for record in records) == live
    assert min(record["counts"]["blocks"] for record in records) > 0
    shard = tf.saved_model.load(f"{divided.shard_paths(parts)[1]}/1")
    told = shard.signatures["about"](question=tf.constant(["?"]))["about"].numpy()[0]
    told = json.loads(told)
    assert told.items() <= records[1].items()


def _record(version):
    return json.loads(pathlib.Path(version, versions.RECORD).read_text())


def test_ops_are_those_of_one_model(parts):
    for shard in divided.shard_paths(parts):
        assert exported.foreign_ops(pathlib.Path(shard, "1")) == set(export.TEXT_OPS)


@pytest.mark.slow
def test_a_new_version_is_one_of_all_shards(divided_system, parts, tmp_path):
    path = shutil.copytree(parts, tmp_path / "shards")
    made_from = divided_system.made_from(divided_system.snapshot)
    arguments = (str(path), 2, made_from, divided_system.config, "exact")
    assert sharded_export.is_current(*arguments)
    assert not sharded_export.is_current(str(path), 3, *arguments[2:])
    fewer = divided.snapshot(str(tmp_path / "fewer"), gone=range(20))
    divided_system.export_shards(str(path), of=fewer)
    assert not sharded_export.is_current(*arguments)
    assert versions.complete(str(path / "reader")) == [1]  # it stays
    paths = [str(shard) for shard in divided.shard_paths(path)]
    assert [versions.complete(shard) for shard in paths] == [[1, 2], [1, 2]]
    (before,) = client.ask(str(path), QUESTIONS[:1])
    # Of the second version, one shard is lost: the first one is whole.
    shutil.rmtree(f"{paths[1]}/2")
    (after,) = client.ask(str(path), QUESTIONS[:1])
    assert {a.doc_id for a in before} != {a.doc_id for a in after}
    assert after == client.ask(parts, QUESTIONS[:1])[0]
    shutil.copytree(f"{paths[1]}/1", f"{paths[1]}/2")
    with pytest.raises(types.UserError, match="do not belong together: their shards differs"):
        client.ask(str(path), QUESTIONS[:1])


def test_parts_that_do_not_belong_together(parts):
    first, second = (_record(f"{shard}/1") for shard in divided.shard_paths(parts))
    assert sharded.in_order({"b": second, "a": first}) == ["a", "b"]
    with pytest.raises(types.UserError, match=r"Shard 1 of 2 is missing; given: \['a'\]"):
        sharded.in_order({"a": first})
    with pytest.raises(types.UserError, match="a and b are both shard 0"):
        sharded.in_order({"a": first, "b": first})
    other = {**second, "made_from": {**second["made_from"], "open_qa_weights": "d" * 64}}
    with pytest.raises(types.UserError, match="a and b do not belong together: their parts"):
        sharded.in_order({"a": first, "b": other})
    alone = {name: value for name, value in second.items() if name != "shard"}
    with pytest.raises(types.UserError, match="b is no shard of"):
        sharded.in_order({"a": first, "b": alone})
    with pytest.raises(types.UserError, match="another version of this program"):
        sharded.in_order({"a": {**first, "schema_version": 2}})


def test_forms_of_an_export_are_not_mixed(divided_system, parts, whole, tmp_path):
    with pytest.raises(types.UserError, match="an export of another form"):
        divided_system.export_shards(parts, 3)
    with pytest.raises(types.UserError, match=r"an export of another form \(1\)"):
        divided_system.export_shards(whole)
    with pytest.raises(types.UserError, match="holds an export in shards"):
        divided_system.export_whole(parts)


def test_vectors_of_another_shard_are_refused(divided_system, tmp_path):
    path = str(tmp_path / "shards")
    first, second = shards.views(divided_system.snapshot, 2)
    given = [sharded_export.Part(v.table, v.vectors) for v in (second, first)]
    fingerprints = shards.fingerprints(divided_system.snapshot, 2)
    arguments = {**divided_system.arguments(divided_system.snapshot), "path": path}
    with pytest.raises(types.UserError, match="do not belong together: their vectors differs"):
        sharded_export.export(given, fingerprints, **arguments)
    assert not versions.shards(path)
